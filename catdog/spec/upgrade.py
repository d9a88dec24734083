"""Old forms of nets and solvers to the present one (being written)."""

from catdog.proto.caffe_pb2 import NetParameter, SolverParameter


def upgrade_net(net: NetParameter) -> NetParameter:
    return net


def upgrade_solver(solver: SolverParameter) -> SolverParameter:
    return solver
