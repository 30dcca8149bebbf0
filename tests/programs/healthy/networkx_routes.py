"""networkx: a graph that changes all the time and keeps its size; shortest paths in it.

Needs: networkx
"""

import random
import time

import networkx as nx


def main():
    chance = random.Random(4)
    graph = nx.gnm_random_graph(400, 1600, seed=4)
    print("READY", flush=True)
    while True:
        for _ in range(10):
            edge = chance.choice(list(graph.edges))
            graph.remove_edge(*edge)
            while True:
                a, b = chance.sample(range(400), 2)
                if not graph.has_edge(a, b):
                    graph.add_edge(a, b, weight=chance.random(), note={"made": time.time()})
                    break
        source, goal = chance.sample(range(400), 2)
        if nx.has_path(graph, source, goal):
            nx.shortest_path(graph, source, goal, weight="weight")
        time.sleep(0.01)


if __name__ == "__main__":
    main()
