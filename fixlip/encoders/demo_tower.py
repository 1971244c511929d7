"""The image tower of `demo-siglip`, registered with timm under the name that its open_clip configuration gives."""

from typing import Any

from timm.models import VisionTransformer, register_model

__all__ = ["vit_scenes_patch14_siglip_112"]


@register_model
def vit_scenes_patch14_siglip_112(num_classes: int = 0, global_pool: Any = "map", **_: Any) -> VisionTransformer:
    """SigLIP's ViT (no class token, an attention pool as head), small enough to ship."""
    return VisionTransformer(
        img_size=112,
        patch_size=14,
        embed_dim=192,
        depth=5,
        num_heads=6,
        class_token=False,
        num_classes=num_classes,
        global_pool=global_pool,
    )
