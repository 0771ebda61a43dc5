"""Keras networks: architecture, training, pruning with TensorFlow Model Optimization, quantization with QKeras.

In: `Samples` and a recipe. Out: trained models, their learning curves and scores.
Open `architecture` first, then `training`.
"""
