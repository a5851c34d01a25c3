"""One file to deploy: models/model.onnx, with golden images beside it."""

from swatchbook import bundling, files, stage


def main() -> str:
    made, verified, goldens = bundling.make()
    files.write_json(
        stage.metrics_path("bundle"),
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
