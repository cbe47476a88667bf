"""What has placed this replica, and may take it away again: told whether the replica works, and heard when its end is
near.
"""
