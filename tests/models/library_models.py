"""Tiny random configurations of models that people use, as people use them."""

from collections.abc import Callable
from typing import Any

import peft
import torch
import torchvision
import transformers
from timm.models.convnext import ConvNeXt
from timm.models.mlp_mixer import MlpMixer
from timm.models.resnet import BasicBlock, Bottleneck, ResNet
from timm.models.swin_transformer import SwinTransformer
from torch import Tensor, nn
from torch.nn import functional

from tests.models.cases import SAMPLES, SINGLE, Case

CROSS = nn.CrossEntropyLoss()
LENGTHS = torch.tensor([6, 2, 4, 3, 6])
MASK = (torch.arange(6) < LENGTHS.unsqueeze(1)).long()
CLASSES = torch.arange(SAMPLES) % 3
SMALL = {
    "vocab_size": 20,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 16,
    "pad_token_id": 0,
}
GPT = {
    "vocab_size": 20,
    "n_embd": 8,
    "n_layer": 2,
    "n_head": 2,
    "n_positions": 16,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
T5 = {
    "vocab_size": 20,
    "d_model": 8,
    "d_kv": 4,
    "d_ff": 12,
    "num_layers": 2,
    "num_heads": 2,
    "pad_token_id": 0,
    "decoder_start_token_id": 0,
}


def hugging_face(name: str, config: str, **options: Any) -> Callable[[], nn.Module]:
    """The model of a configuration, with random weights."""

    def build() -> nn.Module:
        made = getattr(transformers, config)(**options)
        return getattr(transformers, name)(made)

    return build


def padded() -> tuple[dict[str, Tensor], Tensor]:
    """Sentences of different lengths, as a tokenizer gives them."""
    words = torch.randint(3, 20, (SAMPLES, 6)) * MASK
    return {"input_ids": words, "attention_mask": MASK}, CLASSES


def padded_left() -> tuple[dict[str, Tensor], Tensor]:
    x, y = padded()
    return {n: v.flip(1) for n, v in x.items()}, y


def with_labels() -> tuple[dict[str, Tensor], None]:
    """For models that give their loss: padded tokens are not counted."""
    x, _ = padded()
    labels = x["input_ids"].masked_fill(MASK == 0, -100)
    return {**x, "labels": labels}, None


def with_classes() -> tuple[dict[str, Tensor], None]:
    x, y = padded()
    return {**x, "labels": y}, None


def to_predict() -> tuple[dict[str, Tensor], Tensor]:
    """The next token is the target, outside the model."""
    x, _ = padded()
    following = x["input_ids"].roll(-1, 1).masked_fill(MASK.roll(-1, 1) == 0, -100)
    following[:, -1] = -100
    return x, following


def tagged() -> tuple[dict[str, Tensor], Tensor]:
    x, _ = padded()
    return x, torch.randint(3, (SAMPLES, 6)).masked_fill(MASK == 0, -100)


def spans() -> tuple[dict[str, Tensor], tuple[Tensor, Tensor]]:
    x, y = padded()
    return x, (y % 2, (y + 1) % 2)


def translated() -> tuple[dict[str, Tensor], None]:
    x, _ = padded()
    labels = torch.randint(3, 20, (SAMPLES, 4))
    labels[1:3, 2:] = -100
    return {**x, "labels": labels}, None


def images(size: int) -> Callable[[], tuple[Tensor, Tensor]]:
    def give() -> tuple[Tensor, Tensor]:
        return torch.randn(SAMPLES, 3, size, size, dtype=torch.float64), CLASSES

    return give


def pairs() -> tuple[dict[str, Tensor], None]:
    x, _ = padded()
    return {**x, "pixel_values": images(8)()[0]}, None


def sounds() -> tuple[dict[str, Tensor], Tensor]:
    features = torch.randn(SAMPLES, 4, 16, dtype=torch.float64)
    return {
        "input_features": features,
        "decoder_input_ids": padded()[0]["input_ids"],
    }, (torch.randint(20, (SAMPLES, 6)))


def of_logits(out: Any, y: Tensor) -> Tensor:
    return CROSS(out.logits, y)


def of_tokens(out: Any, y: Tensor) -> Tensor:
    """The mean over the tokens that count."""
    z = out.logits
    return functional.cross_entropy(z.flatten(0, 1), y.flatten(), ignore_index=-100)


def of_spans(out: Any, start: Tensor, end: Tensor) -> Tensor:
    return (CROSS(out.start_logits, start) + CROSS(out.end_logits, end)) / 2


def own_loss(out: Any) -> Tensor:
    return out.loss


def of_images(out: Tensor, y: Tensor) -> Tensor:
    return CROSS(out, y)


def with_lora() -> nn.Module:
    """Adapters are trained, the model is not; B begins at 0, as it does."""
    base = hugging_face(
        "BertForSequenceClassification", "BertConfig", **SMALL, num_labels=3
    )()
    config = peft.LoraConfig(
        r=2, target_modules=["query", "value"], modules_to_save=["classifier"]
    )
    return peft.get_peft_model(base, config)


def with_lora_gpt() -> nn.Module:
    base = hugging_face("GPT2LMHeadModel", "GPT2Config", **GPT, pad_token_id=0)()
    config = peft.LoraConfig(r=2, target_modules=["c_attn"], fan_in_fan_out=True)
    return peft.get_peft_model(base, config)


def checkpointed() -> nn.Module:
    """Recomputes its blocks, as large models do in training."""
    drop = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    model = hugging_face(
        "GPT2LMHeadModel", "GPT2Config", **GPT, **drop, pad_token_id=0
    )()
    model.gradient_checkpointing_enable({"use_reentrant": False})
    return model


def groups(channels: int, **where: Any) -> nn.Module:
    return nn.GroupNorm(2, channels, **where)


def resnet_with_groups() -> nn.Module:
    return ResNet(
        BasicBlock,
        (1, 1, 1, 1),
        num_classes=3,
        channels=(4, 4, 8, 8),
        stem_width=4,
        norm_layer=groups,
    )


def bottlenecks() -> nn.Module:
    """Running statistics, as when a trained network is looked at."""
    return ResNet(Bottleneck, (1, 1, 1, 1), 3, channels=(2, 2, 2, 4), stem_width=4)


def mobile() -> nn.Module:
    setting = torchvision.models.mobilenetv3.InvertedResidualConfig
    blocks = [
        setting(16, 3, 16, 16, True, "RE", 2, 1, 0.5),
        setting(16, 5, 24, 16, True, "HS", 1, 1, 0.5),
    ]
    return torchvision.models.MobileNetV3(blocks, 16, num_classes=3)


def vision_convnext() -> nn.Module:
    """Stochastic depth, which does nothing in evaluation."""
    setting = torchvision.models.convnext.CNBlockConfig
    return torchvision.models.ConvNeXt(
        [setting(8, 16, 1), setting(16, None, 1)], 0.5, num_classes=3
    )


VISION = {"image_size": 8, "patch_size": 4, "num_channels": 3}
TOWER = {
    "hidden_size": 8,
    "intermediate_size": 12,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "projection_dim": 8,
}
LLAMA = {**SMALL, "num_key_value_heads": 1, "num_attention_heads": 2}

CASES = [
    Case(
        "bert",
        hugging_face(
            "BertForSequenceClassification", "BertConfig", **SMALL, num_labels=3
        ),
        padded,
        of_logits,
    ),
    Case(
        "bert_own_loss",
        hugging_face(
            "BertForSequenceClassification", "BertConfig", **SMALL, num_labels=3
        ),
        with_classes,
        own_loss,
    ),
    Case(
        "bert_masked_words",
        hugging_face("BertForMaskedLM", "BertConfig", **SMALL),
        with_labels,
        own_loss,
    ),
    Case(
        "bert_tokens",
        hugging_face("BertForTokenClassification", "BertConfig", **SMALL, num_labels=3),
        tagged,
        of_tokens,
    ),
    Case(
        "bert_eager_attention",
        hugging_face(
            "BertForQuestionAnswering",
            "BertConfig",
            **SMALL,
            attn_implementation="eager",
            return_dict=True,
        ),
        spans,
        of_spans,
    ),
    Case(
        "roberta",
        hugging_face(
            "RobertaForSequenceClassification", "RobertaConfig", **SMALL, num_labels=3
        ),
        padded,
        of_logits,
    ),
    Case(
        "gpt2",
        hugging_face("GPT2LMHeadModel", "GPT2Config", **GPT, pad_token_id=0),
        to_predict,
        of_tokens,
    ),
    Case(
        "gpt2_own_loss",
        hugging_face("GPT2LMHeadModel", "GPT2Config", **GPT, pad_token_id=0),
        with_labels,
        own_loss,
    ),
    Case(
        "gpt2_classes",
        hugging_face(
            "GPT2ForSequenceClassification",
            "GPT2Config",
            **GPT,
            pad_token_id=0,
            num_labels=3,
        ),
        padded,
        of_logits,
    ),
    Case("gpt2_checkpointed", checkpointed, with_labels, own_loss, train=True),
    Case(
        "t5",
        hugging_face("T5ForConditionalGeneration", "T5Config", **T5),
        translated,
        own_loss,
        bound=SINGLE,
    ),
    Case(
        "llama",
        hugging_face("LlamaForCausalLM", "LlamaConfig", **LLAMA),
        with_labels,
        own_loss,
        bound=SINGLE,
    ),
    Case(
        "llama_padded_left",
        hugging_face(
            "LlamaForSequenceClassification", "LlamaConfig", **LLAMA, num_labels=3
        ),
        padded_left,
        of_logits,
        bound=SINGLE,
    ),
    Case(
        "mistral",
        hugging_face("MistralForCausalLM", "MistralConfig", **LLAMA, sliding_window=3),
        to_predict,
        of_tokens,
        bound=SINGLE,
    ),
    Case(
        "mixtral",
        hugging_face(
            "MixtralForCausalLM",
            "MixtralConfig",
            **LLAMA,
            num_local_experts=3,
            num_experts_per_tok=2,
            experts_implementation="eager",
        ),
        to_predict,
        of_tokens,
        bound=SINGLE,
    ),
    Case(
        "whisper",
        hugging_face(
            "WhisperForConditionalGeneration",
            "WhisperConfig",
            vocab_size=20,
            num_mel_bins=4,
            d_model=8,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=12,
            decoder_ffn_dim=12,
            max_source_positions=8,
            max_target_positions=8,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
            decoder_start_token_id=1,
        ),
        sounds,
        of_tokens,
    ),
    Case(
        "vit",
        hugging_face(
            "ViTForImageClassification",
            "ViTConfig",
            **VISION,
            hidden_size=8,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=12,
            num_labels=3,
        ),
        images(8),
        of_logits,
    ),
    Case("lora", with_lora, padded, of_logits),
    Case("lora_gpt2", with_lora_gpt, with_labels, own_loss),
    Case(
        "convnext",
        lambda: ConvNeXt(num_classes=3, depths=(1, 1, 1, 1), dims=(4, 4, 8, 8)),
        images(32),
        of_images,
    ),
    Case("convnext_stochastic_depth", vision_convnext, images(16), of_images),
    Case(
        "swin",
        lambda: SwinTransformer(
            img_size=16,
            patch_size=2,
            num_classes=3,
            embed_dim=8,
            depths=(2, 1),
            num_heads=(2, 2),
            window_size=4,
        ),
        images(16),
        of_images,
    ),
    Case(
        "mixer",
        lambda: MlpMixer(3, img_size=8, patch_size=4, num_blocks=1, embed_dim=8),
        images(8),
        of_images,
    ),
    Case("resnet_group_norm", resnet_with_groups, images(16), of_images),
    Case("resnet_evaluated", bottlenecks, images(16), of_images),
    Case("mobilenet", mobile, images(16), of_images),
]

# The loss of CLIP is of the batch: an image is told from those beside it.
COUPLED = [
    Case(
        "clip",
        lambda: transformers.CLIPModel(
            transformers.CLIPConfig(
                text_config={**SMALL, **TOWER, "eos_token_id": 2},
                vision_config={**VISION, **TOWER},
                projection_dim=8,
            )
        ),
        pairs,
        lambda out: CROSS(
            out.logits_per_image, torch.arange(len(out.logits_per_image))
        ),
    ),
]
