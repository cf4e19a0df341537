"""Writes pairs of small files that do not fit each other, with real PyTorch.

    python=$(sh third_party/torch/python_env.sh create)/bin/python
    $python checkpoint/compat/testdata/generate.py

NAME.file.pt is to be loaded into a model whose state dict is NAME.target.pt.
NAME.expected.json says what the matter is ("issues", as `hoist compat --json`
has them), what PyTorch's own load_state_dict() says, and, where rules can make
it fit, the SHA-256 of what each of the target's tensors is to be then ("truth"):
the generator knows, as it broke the file itself. Existing files stay as they
are.
"""

import hashlib
import json
import os
import re
import zlib

import torch
from torch import nn

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "torch-2.11")
PAIRS = {}


def pair(function):
    PAIRS[function.__name__] = function
    return function


def rand(*shape, dtype=torch.float32):
    return torch.randn(*shape).to(dtype)


class Bag(nn.Module):
    """A module whose state dict has the names and shapes of another."""

    def __init__(self, state):
        super().__init__()
        for name, value in state.items():
            *path, last = name.split(".")
            module = self
            for part in path:
                if part not in module._modules:
                    module.add_module(part, nn.Module())
                module = module._modules[part]
            module.register_buffer(last, torch.zeros_like(value))


def mlp(width=8, classes=4):
    return {
        "body.0.weight": rand(width, 6),
        "body.0.bias": rand(width),
        "body.1.weight": rand(width, width),
        "body.1.bias": rand(width),
        "head.weight": rand(classes, width),
        "head.bias": rand(classes),
    }


def llama(layers=3, width=8, hidden=12, words=20, start=0):
    state = {"embed_tokens.weight": rand(words, width)}
    for i in range(start, start + layers):
        at = f"layers.{i}."
        for projection in "qkvo":
            state[f"{at}self_attn.{projection}_proj.weight"] = rand(width, width)
        state[at + "mlp.gate_proj.weight"] = rand(hidden, width)
        state[at + "mlp.up_proj.weight"] = rand(hidden, width)
        state[at + "mlp.down_proj.weight"] = rand(width, hidden)
        state[at + "input_layernorm.weight"] = rand(width)
        state[at + "post_attention_layernorm.weight"] = rand(width)
    state["norm.weight"] = rand(width)
    state["lm_head.weight"] = rand(words, width)
    return state


def gpt(layers=2, width=6, words=11, positions=5):
    state = {"wte.weight": rand(words, width), "wpe.weight": rand(positions, width)}
    for i in range(layers):
        at = f"h.{i}."
        state[at + "ln_1.weight"] = rand(width)
        state[at + "ln_1.bias"] = rand(width)
        state[at + "attn.c_attn.weight"] = rand(3 * width, width)
        state[at + "attn.c_attn.bias"] = rand(3 * width)
        state[at + "attn.c_proj.weight"] = rand(width, width)
        state[at + "attn.c_proj.bias"] = rand(width)
        state[at + "mlp.c_fc.weight"] = rand(4 * width, width)
        state[at + "mlp.c_fc.bias"] = rand(4 * width)
        state[at + "mlp.c_proj.weight"] = rand(width, 4 * width)
        state[at + "mlp.c_proj.bias"] = rand(width)
    state["ln_f.weight"] = rand(width)
    state["ln_f.bias"] = rand(width)
    return state


def conv_net():
    torch.manual_seed(7)
    net = nn.Sequential()
    net.add_module("conv1", nn.Conv2d(3, 4, 3, bias=False))
    net.add_module("bn1", nn.BatchNorm2d(4))
    net.add_module("conv2", nn.Conv2d(4, 5, 3, bias=False))
    net.add_module("bn2", nn.BatchNorm2d(5))
    net.add_module("fc", nn.Linear(5, 2))
    for buffer in net.buffers():
        if buffer.dtype == torch.float32:
            buffer.copy_(torch.rand_like(buffer))
    return net


def renamed(state, change):
    return {change(name): value for name, value in state.items()}


def prefixed(state, prefix):
    return renamed(state, lambda name: prefix + name)


# Each gives: the file, the target's state dict or module, issues, and whether
# rules make it fit (the truth, where that is not the target's names' own).


@pair
def module_prefix():
    state = mlp()
    return prefixed(state, "module."), state, ["prefix"], state


@pair
def orig_mod_prefix():
    state = mlp()
    return prefixed(state, "_orig_mod."), state, ["prefix"], state


@pair
def model_prefix():
    state = llama()
    return prefixed(state, "model."), state, ["prefix"], state


@pair
def ddp_and_compile_prefix():
    state = mlp()
    return prefixed(state, "module._orig_mod."), state, ["prefix"], state


@pair
def orig_mod_inside():
    state = llama()
    broken = renamed(state, lambda n: re.sub(r"^(layers\.\d+\.)", r"\1_orig_mod.", n))
    return broken, state, ["prefix"], state


@pair
def prefix_on_target():
    state = mlp()
    return state, prefixed(state, "model."), ["prefix"], prefixed(state, "model.")


@pair
def prefix_on_both():
    state = mlp()
    return prefixed(state, "module."), prefixed(state, "net."), ["prefix"], prefixed(state, "net.")


@pair
def backbone_prefix_and_head():
    state = mlp()
    broken = renamed(state, lambda n: n if n.startswith("head") else "backbone." + n)
    return broken, state, ["prefix"], state


@pair
def envelope():
    state = mlp()
    model = Bag(state)
    optimizer = torch.optim.Adam([nn.Parameter(rand(3))])
    optimizer.param_groups[0]["params"][0].grad = rand(3)
    optimizer.step()
    del model
    file = {"epoch": 3, "state_dict": state, "optimizer": optimizer.state_dict()}
    return file, state, ["envelope", "extra"], state


@pair
def nested_envelope():
    state = mlp()
    file = {"step": 7, "checkpoint": {"model": prefixed(state, "module.")}}
    return file, state, ["envelope", "prefix"], state


@pair
def ema_envelope():
    state = mlp()
    return {"params_ema": state}, state, ["envelope"], state


@pair
def model_and_ema():
    state = mlp()
    averaged = {name: value * 0.5 for name, value in state.items()}
    return {"model": state, "ema": averaged}, state, ["envelope", "extra"], state


@pair
def generator_or_encoder():
    state = mlp()
    other = {name: value * 2 for name, value in state.items()}
    file = {"encoder_q": state, "encoder_k": other}
    return file, state, ["ambiguous", "missing", "unexpected"], None


@pair
def wrong_width():
    return mlp(16, 8), mlp(8, 4), ["width"], None


@pair
def wrong_vocabulary():
    file = llama(words=20)
    target = dict(file)
    target["embed_tokens.weight"] = rand(32, 8)
    target["lm_head.weight"] = rand(32, 8)
    return file, target, ["vocabulary"], None


@pair
def missing_head():
    state = mlp()
    file = {n: v for n, v in state.items() if not n.startswith("head")}
    return file, state, ["missing"], None


@pair
def other_number_of_classes():
    file = mlp(8, 10)
    target = {n: v for n, v in file.items() if not n.startswith("head")}
    target["head.weight"] = rand(4, 8)
    target["head.bias"] = rand(4)
    return file, target, ["width"], None


@pair
def fused_qkv_in_file():
    state = llama()
    file = {}
    for name, value in state.items():
        if "q_proj" in name:
            parts = [state[name.replace("q_proj", p + "_proj")] for p in "qkv"]
            file[name.replace("q_proj", "qkv_proj")] = torch.cat(parts)
        elif "k_proj" not in name and "v_proj" not in name:
            file[name] = value
    return file, state, ["fused"], state


@pair
def fused_qkv_in_target():
    file = llama()
    state = {}
    for name, value in file.items():
        if "q_proj" in name:
            parts = [file[name.replace("q_proj", p + "_proj")] for p in "qkv"]
            state[name.replace("q_proj", "qkv_proj")] = torch.cat(parts)
        elif "k_proj" not in name and "v_proj" not in name:
            state[name] = value
    return file, state, ["split"], state


@pair
def mixed_qkv():
    state = llama()
    file = {}
    for name, value in state.items():
        if "q_proj" in name:
            parts = [state[name.replace("q_proj", p + "_proj")] for p in "qkv"]
            file[name.replace("q_proj", "query_key_value")] = torch.cat(parts)
        elif "k_proj" not in name and "v_proj" not in name:
            file[name] = value
    return file, state, ["ambiguous", "missing", "unexpected"], None


@pair
def attention_of_torch():
    attention = nn.MultiheadAttention(6, 2)
    file = {"attn." + n: v.detach().clone() for n, v in attention.state_dict().items()}
    state = {}
    for name, value in file.items():
        if "in_proj" in name:
            kind = name.rsplit("_", 1)[1]
            for part, piece in zip("qkv", value.chunk(3)):
                state[f"attn.{part}_proj.{kind}"] = piece.clone()
        else:
            state[name] = value
    return file, state, ["fused"], state


@pair
def old_batch_norm():
    net = conv_net()
    file = {n: v for n, v in net.state_dict().items() if "num_batches" not in n}
    truth = dict(net.state_dict())
    return file, net, ["old_batch_norm"], truth


@pair
def half_against_float():
    state = mlp()
    half = {n: v.half() for n, v in state.items()}
    return half, state, ["dtype"], {n: v.float() for n, v in half.items()}


@pair
def integer_buffer():
    state = mlp()
    state["body.steps"] = torch.arange(5)
    file = dict(state)
    file["body.steps"] = torch.arange(5, dtype=torch.int32)
    return file, state, ["dtype"], state


@pair
def typo():
    state = mlp()
    file = renamed(state, lambda n: n.replace("head.weight", "head.wieght"))
    return file, state, ["typo"], state


@pair
def layers_from_one():
    state = llama()
    file = renamed(state, lambda n: re.sub(r"layers\.(\d+)", lambda m: f"layers.{int(m[1]) + 1}", n))
    return file, state, ["layer_numbers"], state


@pair
def layers_from_zero():
    file = llama()
    state = renamed(file, lambda n: re.sub(r"layers\.(\d+)", lambda m: f"layers.{int(m[1]) + 1}", n))
    return file, state, ["layer_numbers"], state


@pair
def layers_with_gaps():
    file = {"features.0.weight": rand(4, 3), "features.2.weight": rand(4, 4), "features.5.weight": rand(2, 4)}
    state = renamed(file, lambda n: n.replace("2", "1").replace("5", "2"))
    return file, state, ["layer_numbers"], state


@pair
def position_ids():
    state = llama()
    file = dict(state)
    file["embeddings.position_ids"] = torch.arange(5)
    return file, state, ["extra"], state


@pair
def tied_head():
    state = gpt()
    state["lm_head.weight"] = state["wte.weight"]
    file = {n: v for n, v in state.items() if n != "lm_head.weight"}
    return file, state, ["tied"], None


@pair
def transposed_linear():
    state = gpt()
    file = {
        n: v.t().contiguous() if re.search(r"c_\w+\.weight$", n) else v for n, v in state.items()
    }
    return file, state, ["transposed"], state


@pair
def transposed_square():
    state = {"a.weight": rand(4, 6), "b.weight": rand(4, 4), "b.bias": rand(4)}
    file = {n: v.t().contiguous() if v.dim() == 2 else v for n, v in state.items()}
    return file, state, ["ambiguous", "width"], None


@pair
def adapter_only():
    state = llama()
    file = {}
    for i in range(3):
        for projection in "qv":
            at = f"base_model.model.layers.{i}.self_attn.{projection}_proj."
            file[at + "lora_A.default.weight"] = rand(2, 8)
            file[at + "lora_B.default.weight"] = rand(8, 2)
    return file, state, ["adapter", "missing", "unexpected"], None


@pair
def quantized():
    state = llama()
    file = dict(state)
    for name, value in state.items():
        if "_proj" in name:
            file[name] = (value * 10).to(torch.int8)
            file[name + "_scale"] = rand(value.shape[0])
    return file, state, ["dtype", "quantized", "unexpected"], None


@pair
def whole_model():
    net = conv_net()
    return net, net, ["whole_model"], dict(net.state_dict())


@pair
def optimizer_only():
    state = mlp()
    parameters = [nn.Parameter(v) for v in state.values()]
    optimizer = torch.optim.Adam(parameters)
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    return optimizer.state_dict(), state, ["optimizer", "missing", "unexpected"], None


@pair
def fewer_layers():
    file = llama(2)
    target = llama(3)
    return file, target, ["layer_count", "missing"], None


@pair
def more_layers():
    return llama(3), llama(2), ["layer_count", "unexpected"], None


@pair
def gamma_and_beta():
    state = gpt()
    file = renamed(
        state,
        lambda n: n.replace(".weight", ".gamma").replace(".bias", ".beta") if "ln_" in n else n,
    )
    return file, state, ["known_name"], state


@pair
def weight_norm():
    old = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    state = {}
    file = {}
    for name, value in old.state_dict().items():
        value = value.clone()
        if name.endswith("weight"):
            norm = value.norm(dim=1, keepdim=True)
            module = name[: -len("weight")]
            file[module + "weight_g"] = norm
            file[module + "weight_v"] = value
            state[module + "parametrizations.weight.original0"] = norm
            state[module + "parametrizations.weight.original1"] = value
        else:
            file[name] = value
            state[name] = value
    return file, state, ["known_name"], state


@pair
def renamed_block():
    state = gpt()
    file = renamed(state, lambda n: re.sub(r"^h\.", "transformer.h.", n))
    target = renamed(state, lambda n: re.sub(r"^h\.", "layers.", n))
    return file, target, ["prefix"], target


@pair
def renamed_projections():
    target = llama()
    change = {"q_proj": "query", "k_proj": "key", "v_proj": "value", "o_proj": "wo"}

    def back(name):
        for new, old in change.items():
            name = name.replace(new, old)
        return name.replace("self_attn", "attention")

    file = renamed(target, back)
    return file, target, ["renamed"], target


@pair
def rotary_rows_of_llama():
    target = llama()
    change = {"q_proj": "wq", "k_proj": "wk", "v_proj": "wv", "o_proj": "wo"}

    def back(name):
        for new, old in change.items():
            name = name.replace(new, old)
        return name

    return renamed(target, back), target, ["ambiguous", "missing", "renamed", "unexpected"], None


@pair
def norms_of_llama():
    target = llama()
    file = renamed(
        target,
        lambda n: n.replace("post_attention_layernorm", "ffn_norm").replace(
            "input_layernorm", "attention_norm"
        ),
    )
    return file, target, ["ambiguous", "missing", "unexpected"], None


@pair
def ambiguous_names():
    target = {"enc.left.weight": rand(4, 4), "enc.right.weight": rand(4, 4)}
    file = {"enc.one.weight": rand(4, 4), "enc.two.weight": rand(4, 4)}
    return file, target, ["ambiguous", "missing", "unexpected"], None


@pair
def one_element_for_scalar():
    state = mlp()
    state["head.scale"] = torch.tensor(2.5)
    file = dict(state)
    file["head.scale"] = torch.tensor([2.5])
    return file, state, ["scalar"], None


@pair
def scalar_for_one_element():
    state = mlp()
    state["head.scale"] = torch.tensor([2.5])
    file = dict(state)
    file["head.scale"] = torch.tensor(2.5)
    return file, state, ["reshaped"], state


@pair
def convolution_for_linear():
    state = mlp()
    file = dict(state)
    file["head.weight"] = state["head.weight"][:, :, None, None].clone()
    return file, state, ["reshaped"], state


@pair
def extra_state():
    class Extra(nn.Linear):
        def get_extra_state(self):
            return {"scale": 2}

        def set_extra_state(self, state):
            pass

    net = nn.Sequential(Extra(3, 2))
    state = {n: v for n, v in net.state_dict().items() if "extra" not in n}
    return net.state_dict(), state, ["extra_state"], state


@pair
def no_tensors():
    return {"epoch": 3}, mlp(), ["no_tensors", "missing"], None


@pair
def fits():
    state = llama()
    return state, state, [], state


def digest(tensor):
    tensor = tensor.detach().contiguous()
    return hashlib.sha256(tensor.reshape(-1).view(torch.uint8).numpy().tobytes()).hexdigest()


def loaded_by_torch(file, target):
    """What load_state_dict() says: strict is None where that is no question."""
    module = target if isinstance(target, nn.Module) else Bag(target)
    try:
        module.load_state_dict(file)
    except TypeError as error:
        return {"strict": None, "message": str(error)}
    except RuntimeError as error:
        text = str(error)

        def names(kind):
            found = re.search(kind + r" key\(s\) in state_dict: (.*)\. ", text)
            return re.findall(r'"([^"]+)"', found[1]) if found else []

        return {
            "strict": False,
            "missing": names("Missing"),
            "unexpected": names("Unexpected"),
            "mismatched": re.findall(r"size mismatch for (\S+):", text),
        }
    return {"strict": True, "missing": [], "unexpected": [], "mismatched": []}


def main():
    os.makedirs(FOLDER, exist_ok=True)
    for name, make in sorted(PAIRS.items()):
        path = os.path.join(FOLDER, name)
        if os.path.exists(path + ".expected.json"):
            continue
        torch.manual_seed(zlib.crc32(name.encode()))
        file, target, issues, truth = make()
        torch.save(file, path + ".file.pt")
        state = target.state_dict() if isinstance(target, nn.Module) else target
        torch.save(state, path + ".target.pt")
        expected = {"issues": sorted(issues), "torch": loaded_by_torch(file, target)}
        if truth is not None:
            expected["truth"] = {n: digest(v) for n, v in truth.items() if torch.is_tensor(v)}
        with open(path + ".expected.json", "w") as out:
            json.dump(expected, out, indent=1, sort_keys=True)
            out.write("\n")


if __name__ == "__main__":
    main()
