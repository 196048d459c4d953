"""pipec with the work in a process of its own."""
import functools

import peer_pipec
import trainer


def about():
    return dict(peer_pipec.about(), form="process=True")


images = functools.partial(peer_pipec.images, process=True)
trainer.run(globals())
