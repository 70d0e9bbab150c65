"""Orthogonal weights: rows or columns orthonormal to 1e-6, uniformly distributed, a matrix a group."""

import pytest
import torch

from optcourse.initialization import orthogonal_, orthogonal_reference


def assert_orthogonal(matrix: torch.Tensor, gain: float = 1.0, tolerance: float = 1e-6) -> None:
    rows, columns = matrix.shape
    square = matrix @ matrix.T if rows <= columns else matrix.T @ matrix
    torch.testing.assert_close(square, gain**2 * torch.eye(len(square), dtype=matrix.dtype), rtol=0, atol=tolerance)


@pytest.mark.parametrize("shape", [(50, 50), (20, 70), (70, 20), (1, 5), (5, 1)])
@pytest.mark.parametrize("gain", [1.0, 1.4])
def test_rows_or_columns_are_orthonormal(shape, gain):
    draw = torch.Generator().manual_seed(0)
    assert_orthogonal(orthogonal_(torch.empty(shape), gain=gain, generator=draw), gain, 1e-5)
    assert_orthogonal(orthogonal_(torch.empty(shape, dtype=torch.float64), gain=gain, generator=draw), gain)
    assert_orthogonal(orthogonal_reference(shape, gain=gain, generator=draw), gain)


def test_each_group_is_a_matrix_of_its_own():
    weight = orthogonal_(torch.empty(12, 2, 3, 3, dtype=torch.float64), kind="conv", groups=3)
    for block in weight.reshape(3, 4, 18):
        assert_orthogonal(block)
    # 12 rows of 9 numbers cannot be orthogonal to each other, 3 x 4 of them within their groups can
    weight = orthogonal_(torch.empty(12, 1, 9, dtype=torch.float64), kind="conv", groups=3)
    for block in weight.reshape(3, 4, 9):
        assert_orthogonal(block)


def test_uniform_among_orthogonal_matrices():
    """Without the signs of R the first diagonal entry of Q would be never positive."""
    draw = torch.Generator().manual_seed(0)
    weight = orthogonal_(torch.empty(6000, 3, 1), kind="conv", groups=2000, generator=draw)
    matrices = weight.reshape(2000, 3, 3)
    assert matrices.mean(0).abs().max() < 6 * (1 / 3 / 2000) ** 0.5
    torch.testing.assert_close(matrices.square().mean(0), torch.full((3, 3), 1 / 3), rtol=0, atol=0.05)


def test_lengths_are_kept_through_a_hundred_layers():
    x = torch.randn(5, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = x
    for seed in range(100):
        y = y @ orthogonal_(torch.empty(40, 40, dtype=torch.float64), generator=torch.Generator().manual_seed(seed)).T
    torch.testing.assert_close(y.norm(dim=1), x.norm(dim=1), rtol=1e-9, atol=0)
