"""numpy: batches through a small network by hand, whose weights stay as large as they are.

Needs: numpy
"""

import time

import numpy as np


class Network:
    def __init__(self, sizes):
        random = np.random.default_rng(1)
        self.weights = [random.standard_normal((a, b)) * 0.1 for a, b in zip(sizes, sizes[1:])]

    def train(self, x, y, rate=0.01):
        layers = [x]
        for weight in self.weights:
            layers.append(np.tanh(layers[-1] @ weight))
        error = layers[-1] - y
        for n in range(len(self.weights) - 1, -1, -1):
            error = error * (1 - layers[n + 1] ** 2)
            step = layers[n].T @ error / len(x)
            error = error @ self.weights[n].T
            self.weights[n] -= rate * step
        return float(np.abs(layers[-1] - y).mean())


def main():
    network, losses = Network([64, 128, 10]), []
    random = np.random.default_rng(2)
    print("READY", flush=True)
    while True:
        x = random.standard_normal((256, 64))
        losses.append(network.train(x, np.tanh(x[:, :10])))
        losses = losses[-100:]
        time.sleep(0.01)


if __name__ == "__main__":
    main()
