"""Networks in Keras: built, trained, pruned with TensorFlow Model Optimization, quantized with QKeras.

In: `Samples` and a recipe. Out: trained models, their learning curves and scores.
Open `architecture` first, then `training`.
"""
