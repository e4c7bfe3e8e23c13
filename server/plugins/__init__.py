"""Node plugins: signed files, unpacked by the server, run in processes of their own, switched on by each workspace."""
