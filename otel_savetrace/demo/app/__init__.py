"""A small storymap editor that saves to S3: somebody's app, with no tracing in it."""
