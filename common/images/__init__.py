"""Images: from the IDX files of MNIST to 8 x 8 pixels of 5 bits.

In: MNIST, or scikit-learn's digits. Out: `images.npz`, and `samples.Samples` for training.
Open `preprocessing` first.
"""
