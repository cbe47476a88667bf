"""`darkroom cost`: the bill of an idle month, and of 1,000 pictures, before anything is deployed."""
