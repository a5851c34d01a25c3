"""One file to deploy: models/model.onnx, with golden images beside it."""

from swatchbook.bundle import bundling
from swatchbook.project import stage


def main() -> str:
    made, verified, goldens = bundling.make()
    stage.write_metrics(
        "bundle",
        {
            "images": verified.images,
            "largest_difference": verified.difference,
            "float32_images": verified.bare,
            "float32_agreement": verified.agreement,
            "golden_images": goldens,
        },
    )
    return bundling.sentence(made, verified, goldens)


if __name__ == "__main__":
    stage.run(main)
