"""Judge of pictures by plain image analysis: colours, shapes and places, without any code that draws for training."""
