"""Images: from a data set to small square images of a few bits, in the paper MNIST at 8 x 8 pixels of 5 bits.

In: IDX files, a `.npz` file, or scikit-learn's digits. Out: `images.npz`, and `samples.Samples` for training.
Open `preprocessing` first.
"""
