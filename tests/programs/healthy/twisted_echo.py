"""Twisted: an echo server, clients that come and go, deferreds, delayed calls that are cancelled.

Needs: twisted
Garbage: deferreds and protocols
"""

from twisted.internet import defer, endpoints, protocol, reactor, task


class Echo(protocol.Protocol):
    def connectionMade(self):
        self.limit = reactor.callLater(60, self.transport.loseConnection)

    def dataReceived(self, data):
        self.transport.write(data)

    def connectionLost(self, reason=protocol.connectionDone):
        if self.limit.active():
            self.limit.cancel()


class Ask(protocol.Protocol):
    def __init__(self):
        self.answer = defer.Deferred()

    def connectionMade(self):
        self.transport.write(b"hello " * 20)

    def dataReceived(self, data):
        self.transport.loseConnection()
        if not self.answer.called:
            self.answer.callback(len(data))


@defer.inlineCallbacks
def visit(port):
    place = endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", port)
    ask = yield endpoints.connectProtocol(place, Ask())
    yield ask.answer


@defer.inlineCallbacks
def main():
    factory = protocol.ServerFactory.forProtocol(Echo)
    port = yield endpoints.TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
    factory.noisy = False
    task.LoopingCall(visit, port.getHost().port).start(0.02)
    print("READY", flush=True)


if __name__ == "__main__":
    reactor.callWhenRunning(main)
    reactor.run()
