import pytest

torch = pytest.importorskip("torch")

from encoder.training.dropout import drop, set_dropout  # noqa: E402
from reader.model import load_model  # noqa: E402


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_dropout_drops_its_share_keeps_the_mean_and_follows_torchs_seed(share, kind):
    values = torch.ones(6, 5, 33, 31, dtype=kind, requires_grad=True)
    torch.manual_seed(7)
    dropped = drop(values, share)
    assert dropped.dtype == kind
    first = dropped.detach()
    second = drop(values, share).detach()
    torch.manual_seed(7)
    torch.testing.assert_close(drop(values, share).detach(), first)
    assert (first == 0).float().mean() == pytest.approx(share, abs=0.01)
    assert first.float().mean() == pytest.approx(1, abs=0.02)
    both = ((first == 0) & (second == 0)).float().mean()
    assert both == pytest.approx(share**2, abs=0.01)
    dropped.sum().backward()
    torch.testing.assert_close(values.grad, first)


@pytest.mark.parametrize(("share", "wanted"), [(0.0, 1.0), (1.0, 0.0)])
def test_nothing_and_everything_can_be_dropped(share, wanted):
    assert (drop(torch.ones(40, 50), share) == wanted).all()


def test_all_dropout_of_a_model_drops_its_share_in_training_alone(tiny_bert):
    model = load_model(tiny_bert).eval()
    ids = torch.randint(5, 30, (2, 12), generator=torch.Generator().manual_seed(1))
    inputs = ids, torch.zeros_like(ids), torch.ones_like(ids)
    with torch.no_grad():
        before = model(*inputs)
        set_dropout(model, 0.25)
        found = [module for module in model.modules() if isinstance(module, torch.nn.Dropout)]
        layers = model.base.config.num_hidden_layers
        assert [module.p for module in found] == [0.25] * (1 + 3 * layers)
        torch.testing.assert_close(model(*inputs), before)
        model.train()
        torch.manual_seed(3)
        first = model(*inputs)
        second = model(*inputs)
        torch.manual_seed(3)
        torch.testing.assert_close(model(*inputs), first)
        assert not torch.allclose(first[0], second[0])
        set_dropout(model, 0.0)
        torch.testing.assert_close(model(*inputs), before)
