import numpy as np
import pytest

torch = pytest.importorskip("torch")

from encoder.training.attention import attend, fit_attention, padding_mask  # noqa: E402
from reader.model import load_model  # noqa: E402


def drawn(rows=3, heads=2, length=9, width=8):
    generator = torch.Generator().manual_seed(5)
    return [
        torch.randn(rows, heads, length, width, generator=generator, requires_grad=True)
        for _ in range(3)
    ]


def test_values_and_gradients_are_those_of_torchs_attention():
    mask = torch.ones(3, 9, dtype=torch.int64)
    mask[1, 6:] = 0
    ours, theirs = drawn(), drawn()
    module = torch.nn.Identity()
    states, weights = attend(module, *ours, padding_mask(attention_mask=mask))
    expected = torch.nn.functional.scaled_dot_product_attention(
        *theirs, attn_mask=mask[:, None, None, :].bool()
    ).transpose(1, 2)
    assert weights is None
    np.testing.assert_allclose(states.detach(), expected.detach(), atol=1e-6)
    factor = torch.linspace(-1, 1, states.numel()).view_as(states)
    (states * factor).sum().backward()
    (expected * factor).sum().backward()
    for left, right in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(left.grad, right.grad, atol=1e-5)


def test_dropout_only_in_training():
    query, key, value = drawn()
    module = torch.nn.Identity().eval()
    first, _ = attend(module, query, key, value, None, dropout=0.5)
    second, _ = attend(module, query, key, value, None)
    torch.testing.assert_close(first, second)
    dropped, _ = attend(module.train(), query, key, value, None, dropout=0.5)
    assert not torch.allclose(dropped, second)


def test_a_model_fitted_for_a_bf16_cpu_gives_the_same_logits(monkeypatch, tiny_bert):
    monkeypatch.setattr("encoder.training.attention.uses_bf16", lambda device: True)
    plain, fitted = load_model(tiny_bert).eval(), load_model(tiny_bert).eval()
    fitted.relevance.load_state_dict(plain.relevance.state_dict())
    fitted.base.load_state_dict(plain.base.state_dict())
    fit_attention(fitted.base, torch.device("cpu"))
    ids = torch.randint(5, 30, (2, 12), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[1, 8:] = 0
    with torch.no_grad():
        for ours, theirs in zip(
            fitted(ids, torch.zeros_like(ids), mask),
            plain(ids, torch.zeros_like(ids), mask),
            strict=True,
        ):
            torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)
