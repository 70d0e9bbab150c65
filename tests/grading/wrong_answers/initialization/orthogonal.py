"""Answers to the exercise on orthogonal weights."""

from tests.grading.wrong_answers.from_text import answers

SOURCE = """
def orthogonal(noise, gain):
    wide = noise.shape[0] < noise.shape[1]
    q, r = torch.linalg.qr(noise.T if wide else noise)
    return gain * (q.T if wide else q)
"""

_VALID = [
    (
        "by the singular value decomposition",
        """
def orthogonal(noise, gain):
    u, _, v = torch.linalg.svd(noise, full_matrices=False)
    return u @ v * gain
""",
    ),
    (
        "with signs as torch has them",
        """
def orthogonal(noise, gain):
    rows, columns = noise.shape
    flat = noise.t() if rows < columns else noise
    q, r = torch.linalg.qr(flat)
    q *= torch.diag(r).sign()
    if rows < columns:
        q = q.t()
    return q.mul(gain)
""",
    ),
    (
        "by Gram and Schmidt, in numpy",
        """
def orthogonal(noise, gain):
    a = noise.numpy() if noise.shape[0] <= noise.shape[1] else noise.numpy().T
    rows = []
    for row in a:
        for other in rows:
            row = row - (row @ other) * other
        rows.append(row / np.sqrt(row @ row))
    q = np.stack(rows)
    return gain * (q if noise.shape[0] <= noise.shape[1] else q.T)
""",
    ),
]

_LAST = "return gain * (q.T if wide else q)"
_WIDE = "wide = noise.shape[0] < noise.shape[1]"
_QR = "q, r = torch.linalg.qr(noise.T if wide else noise)"
_LENGTHS = "lengths = noise.norm(dim={}, keepdim=True)\n    "

_WRONG = [
    ("wide_not_transposed", "no case for wide ones", (_WIDE, "wide = False")),
    ("tall_not_transposed", "transposed always", (_WIDE, "wide = True")),
    ("not_transposed_back", "not turned back", (_LAST, "return gain * q")),
    ("not_transposed_back", "turned, and never back", (_WIDE, "wide = True"), (_LAST, "return gain * q")),
    ("always_transposed_back", "turned back always", (_LAST, "return gain * q.T")),
    ("square_instead", "complete", ("else noise)\n", "else noise, mode='complete')\n")),
    (
        "square_instead",
        "complete, wide ones not turned",
        (_WIDE, "wide = False"),
        ("else noise)\n", "else noise, mode='complete')\n"),
    ),
    ("triangular_factor", "R", ("q, r = ", "r, q = "), (_WIDE, "wide = False")),
    ("lengths_alone", "rows", (_LAST, _LENGTHS.format(1) + "return gain * noise / lengths")),
    ("lengths_alone", "columns", (_LAST, _LENGTHS.format(0) + "return gain * noise / lengths")),
    ("noise_rescaled", "by the norm", (_LAST, "return gain * noise / noise.norm()")),
    ("noise_rescaled", "by the largest singular value", (_LAST, "return gain * noise / torch.linalg.norm(noise, 2)")),
    ("noise_rescaled", "by the root of fan_in", (_LAST, "return gain * noise / math.sqrt(noise.shape[1])")),
    ("noise_rescaled", "by the root of fan_out", (_LAST, "return gain * noise / math.sqrt(noise.shape[0])")),
    ("noise_rescaled", "not at all", (_LAST, "return gain * noise")),
    ("noise_ignored", "the identity", (_LAST, "return gain * torch.eye(*noise.shape)")),
    ("noise_ignored", "its own seed", (_QR, f"torch.manual_seed(0)\n    noise = torch.randn(noise.shape)\n    {_QR}")),
    ("noise_ignored", "its own noise", (_QR, f"noise = torch.randn_like(noise)\n    {_QR}")),
    ("mutates_arguments", "in place", (_LAST, "return noise.copy_(gain * (q.T if wide else q))")),
    ("gain_forgotten", "no gain", ("gain * ", "")),
    ("gain_wrong", "squared", ("gain * ", "gain**2 * ")),
    ("gain_wrong", "root", ("gain * ", "math.sqrt(gain) * ")),
    ("gain_wrong", "divided", ("gain * ", "1 / gain * ")),
    ("gain_forgotten+wide_not_transposed", "qr alone", (_WIDE, "wide = False"), ("gain * ", "")),
]

_UNLISTED = [
    ("failed", "uniform noise", (_LAST, "return gain * noise.sign() / 2")),
    ("failed", "the gain added", ("gain * ", "gain + ")),
    ("failed", "NaN", ("gain * ", "math.nan * ")),
    ("error", "both factors", (_LAST, "return q, r")),
    ("error", "one axis", (_LAST, "return q.flatten()")),
    ("error", "misspelled", ("torch.linalg", "torch.linear_algebra")),
]

ANSWERS = answers("initialization.orthogonal", SOURCE, valid=_VALID, wrong=_WRONG, unlisted=_UNLISTED)
