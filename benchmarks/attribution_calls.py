"""The same work asked of every library: what a user does once, then what one does for each batch.

``WORKS[work][library]`` takes a network to a call; every call ends with its maps in main memory, at the layer's own
resolution or at the input's, as its library returns them.
"""

from collections.abc import Callable, Sequence

import torch
from measuring import Action, network
from torch import Tensor, nn

STAGES = ("conv0", "denseblock1", "denseblock2", "denseblock3", "denseblock4")
KEPT = 16
EVERYTHING = ("cam", "grad-cam", "grad-cam++", "guided-backprop", "guided-grad-cam", "activations")
Builder = Callable[[nn.Module], Action]


def workbenchs(methods: Sequence[str], precision: str = "exact") -> Builder:
    def build(net: nn.Module) -> Action:
        import workbench as wb
        from workbench.imaging.recipes import Recipe

        model = wb.wrap(net, class_names=("normal", "abnormal"), recipe=Recipe(size=64))  # it looks for layers once

        def run(images: Tensor, batch_size: int = 0) -> object:
            size = batch_size or len(images)
            return wb.explain(model, images, methods, target="abnormal", batch_size=size, precision=precision)

        return run

    return build


def most_active(features: Tensor) -> Tensor:
    best = features.mean(dim=(2, 3)).topk(KEPT).indices
    return torch.stack([maps[chosen] for maps, chosen in zip(features, best, strict=True)]).cpu()


def captums_grad_cam(net: nn.Module) -> Action:
    from captum.attr import LayerGradCam

    method = LayerGradCam(net, net.features.norm5)
    return lambda images: method.attribute(images, target=1).detach().cpu()


def captums_guided(net: nn.Module) -> Action:
    from captum.attr import GuidedBackprop

    method = GuidedBackprop(net)
    return lambda images: method.attribute(images.clone(), target=1).cpu()


def captums_guided_grad_cam(net: nn.Module) -> Action:
    from captum.attr import GuidedGradCam

    method = GuidedGradCam(net, net.features.norm5)
    return lambda images: method.attribute(images.clone(), target=1, interpolate_mode="bilinear").detach().cpu()


def captums_stages(net: nn.Module) -> Action:
    from captum.attr import LayerActivation

    methods = [LayerActivation(net, net.features.get_submodule(name)) for name in STAGES]
    return lambda images: [most_active(method.attribute(images).detach()) for method in methods]


def captums_stages_together(net: nn.Module) -> Action:
    from captum.attr import LayerActivation

    method = LayerActivation(net, [net.features.get_submodule(name) for name in STAGES])
    return lambda images: [most_active(features.detach()) for features in method.attribute(images)]


def captums_everything(net: nn.Module) -> Action:
    """All but Grad-CAM++, which Captum does not have; CAM by hand from its activations."""
    from captum.attr import LayerActivation

    last = LayerActivation(net, net.features.norm5)
    parts = [make(net) for make in (captums_grad_cam, captums_guided, captums_guided_grad_cam, captums_stages)]

    def run(images: Tensor) -> object:
        cam = torch.einsum("nchw,c->nhw", last.attribute(images).relu(), net.classifier.weight[1])
        return cam.detach().cpu(), [part(images) for part in parts]

    return run


def pytorch_grad_cams(kind: str) -> Builder:
    def build(net: nn.Module) -> Action:
        import pytorch_grad_cam
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

        method = getattr(pytorch_grad_cam, kind)(model=net, target_layers=[net.features.norm5])
        return lambda images: method(input_tensor=images, targets=[ClassifierOutputTarget(1)] * len(images))

    return build


def pytorch_grad_cams_guided(net: nn.Module) -> Action:
    from pytorch_grad_cam import GuidedBackpropReLUModel

    method = GuidedBackpropReLUModel(model=net, device=next(net.parameters()).device)
    return lambda images: method(images.clone(), target_category=1)


def pytorch_grad_cams_guided_grad_cam(net: nn.Module) -> Action:
    guided, grad_cam = pytorch_grad_cams_guided(net), pytorch_grad_cams("GradCAM")(net)
    return lambda images: guided(images) * grad_cam(images)[0, :, :, None]


def torchcams(kind: str) -> Builder:
    def build(net: nn.Module) -> Action:
        from torchcam import methods

        method = getattr(methods, kind)(net, target_layer=net.features.norm5)
        return lambda images: [maps.cpu() for maps in method([1] * len(images), net(images))]

    return build


def torchcams_cam(net: nn.Module) -> Action:
    from torchcam.methods import CAM

    method = CAM(net, net.features.norm5, net.classifier)

    def run(images: Tensor) -> object:
        with torch.inference_mode():
            net(images)
            return [maps.cpu() for maps in method([1] * len(images))]

    return run


def mixed_everything(net: nn.Module) -> Action:
    """pytorch-grad-cam where it has the method, torchcam's CAM, Captum's activations."""
    makers = [
        torchcams_cam,
        pytorch_grad_cams("GradCAMPlusPlus"),
        pytorch_grad_cams_guided_grad_cam,  # with the two that it multiplies
        captums_stages,
    ]
    parts = [make(network(64).to(next(net.parameters()).device)) for make in makers]  # their hooks stay
    return lambda images: [part(images) for part in parts]


def monais_grad_cam(net: nn.Module) -> Action:
    from monai.visualize import GradCAM

    method = GradCAM(nn_module=net, target_layers="features.denseblock4")  # its hooks refuse norm5's in-place ReLU
    return lambda images: method(x=images, class_idx=1)


def monais_guided(net: nn.Module) -> Action:
    from monai.visualize import GuidedBackpropGrad

    method = GuidedBackpropGrad(net)
    return lambda images: method(images.clone(), index=1)


def zennits_guided(net: nn.Module) -> Action:
    from zennit.attribution import Gradient
    from zennit.composites import GuidedBackprop

    def run(images: Tensor) -> object:
        wanted = torch.eye(2, device=images.device)[[1] * len(images)]
        with Gradient(model=net, composite=GuidedBackprop()) as method:
            return method(images.clone(), wanted)[1].cpu()

    return run


WORKS: dict[str, dict[str, Builder]] = {
    "grad-cam": {
        "workbench": workbenchs(["grad-cam"]),
        "captum": captums_grad_cam,
        "torchcam": torchcams("GradCAM"),
        "pytorch-grad-cam": pytorch_grad_cams("GradCAM"),
        "monai": monais_grad_cam,
    },
    "guided-backprop": {
        "workbench": workbenchs(["guided-backprop"]),
        "captum": captums_guided,
        "pytorch-grad-cam": pytorch_grad_cams_guided,
        "monai": monais_guided,
        "zennit": zennits_guided,
    },
    "guided-grad-cam": {
        "workbench": workbenchs(["guided-grad-cam"]),
        "captum": captums_guided_grad_cam,
        "pytorch-grad-cam": pytorch_grad_cams_guided_grad_cam,
    },
    "stages": {
        "workbench": workbenchs(["activations"]),
        "captum": captums_stages,
        "captum, one call": captums_stages_together,
    },
    "everything": {
        "workbench": workbenchs(EVERYTHING),
        "captum": captums_everything,
        "pytorch-grad-cam, torchcam, captum": mixed_everything,
    },
    "grad-cam-fast": {"workbench": workbenchs(["grad-cam"], "fast")},
    "everything-fast": {"workbench": workbenchs(EVERYTHING, "fast")},
}
PACKAGES = {"pytorch-grad-cam": "pytorch_grad_cam", "captum, one call": "captum"}
PACKAGES["pytorch-grad-cam, torchcam, captum"] = "pytorch_grad_cam"
"""Package to import for a library, where its name is another."""
ONE_IMAGE = {
    ("guided-backprop", "pytorch-grad-cam"),
    ("guided-backprop", "monai"),
    ("guided-grad-cam", "pytorch-grad-cam"),
}
ONE_IMAGE |= {("everything", "pytorch-grad-cam, torchcam, captum")}
"""Work that a library does for one image a call."""
