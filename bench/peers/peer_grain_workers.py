"""The same with worker processes."""
import trainer
import grain
import peer_grain


def about():
    return dict(name=f"{peer_grain.VERSION}, in workers", form="worker processes")


def images(root, threads):
    own = peer_grain.recipe(root).to_iter_dataset(grain.ReadOptions(num_threads=0))
    return peer_grain.epochs_of(
        own.batch(trainer.BATCH, batch_fn=peer_grain.collate)
        .mp_prefetch(grain.MultiprocessingOptions(num_workers=threads)), root)


if __name__ == "__main__":
    trainer.run(globals())
