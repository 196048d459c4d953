"""The same, resized as tf.image does it unless told otherwise: without a filter, so what
is made smaller is sampled, and these are not the pictures that the others make."""
import functools

import peer_tf
import trainer


def about():
    return dict(peer_tf.about(), form="the same without antialias: other pictures")


images = functools.partial(peer_tf.images, antialias=False)
trainer.run(globals())
