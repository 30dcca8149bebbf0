"""scikit-learn: models fitted on fresh data, the best of each round kept.

Needs: scikit-learn
Garbage: scores of models
"""

import time

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier


def main():
    random, best = np.random.default_rng(3), None
    print("READY", flush=True)
    while True:
        x = random.standard_normal((300, 8))
        y = (x[:, 0] + x[:, 1] ** 2 > 0.5).astype(int)
        for model in (LogisticRegression(), DecisionTreeClassifier(max_depth=4)):
            pipeline = make_pipeline(StandardScaler(), model)
            score = cross_val_score(pipeline, x, y, cv=3).mean()
            if best is None or score > best[0]:
                best = (score, pipeline.fit(x, y))
        time.sleep(0.02)


if __name__ == "__main__":
    main()
