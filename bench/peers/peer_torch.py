"""torchvision's transforms in torch's DataLoader.

Decoded by torchvision.io, which costs less than Pillow (2.7 against 3.8 ms a record);
normalized record by record: a batch at a time, in the worker, is another copy."""
import trainer
import torch
import torchvision
from torch.utils.data import DataLoader, Dataset
from torchvision import io
from torchvision.transforms import v2


def about():
    return dict(name=f"torch {torch.__version__.split('+')[0]}, "
                     f"torchvision {torchvision.__version__.split('+')[0]}",
                form="DataLoader, worker processes; torchvision.io and v2")


class Images(Dataset):
    def __init__(self, root):
        self.files = trainer.files(root)
        self.transform = v2.Compose([
            v2.RandomResizedCrop(trainer.SIDE, antialias=True),
            v2.RandomHorizontalFlip(), v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(trainer.MEAN, trainer.STD)])

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        trainer.decoding()
        path, label = self.files[i]
        image = io.decode_jpeg(io.read_file(path), mode=io.ImageReadMode.RGB)
        return self.transform(image), label


def images(root, threads):
    loader = DataLoader(Images(root), batch_size=trainer.BATCH, shuffle=True,
                        num_workers=threads, drop_last=True, persistent_workers=True)
    return lambda: ((x.numpy(), y.numpy()) for x, y in loader)


class Range(Dataset):
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return i + 1

    def __getitems__(self, indices):
        return [i + 1 for i in indices]


def cheap():
    loader = DataLoader(Range(trainer.CHEAP), batch_size=trainer.BATCH,
                        collate_fn=torch.tensor)
    return (y.numpy() for y in loader)


def shuffled(n):
    from torchdata.stateful_dataloader import StatefulDataLoader
    return StatefulDataLoader(Range(n), batch_size=trainer.BATCH, shuffle=True,
                              collate_fn=torch.tensor)


def resume(n, batches):
    loader = shuffled(n)
    stream = iter(loader)
    for _ in range(batches):
        next(stream)
    return loader.state_dict(), next(stream).numpy()


def open_at(n, state):
    loader = shuffled(n)
    if state:
        loader.load_state_dict(state)
    return next(iter(loader)).numpy()


trainer.run(globals())
