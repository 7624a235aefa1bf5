//! Manifests for the unit tests.

use model::{Location, Manifest, ManifestSource, ManifestVariant, OutputFormat, SourceInfo};

use super::base_url::BaseUrl;
use super::element::PictureOptions;
use super::html::Loading;

/// A manifest of `a.png`, whose variants have an aspect ratio of 4:3.
pub(super) fn manifest(variants: &[(OutputFormat, u32)]) -> Manifest {
    let at = |key: String| Location { bucket: "photos".into(), key };
    let variant = |&(format, width): &(OutputFormat, u32)| ManifestVariant {
        at: at(format!("a.png.w{width}.{format}")),
        requested: model::Size::Full,
        format,
        width,
        height: width * 3 / 4,
        crop: None,
        media_type: format.media_type().into(),
        bytes: 1,
        score: None,
        sha256: String::new(),
        etag: String::new(),
    };
    Manifest {
        manifest_version: Manifest::VERSION,
        tool: None,
        source: ManifestSource {
            at: at("a.png".into()),
            etag: String::new(),
            version: None,
            info: SourceInfo { format: "png".into(), width: 640, height: 480, bytes: 1, frames: 1 },
            alpha: None,
            animated: false,
        },
        fingerprint: String::new(),
        placeholder: None,
        variants: variants.iter().map(variant).collect(),
    }
}

/// The default options, with the base URL `/`.
pub(super) fn options() -> PictureOptions {
    PictureOptions {
        base_url: "/".parse::<BaseUrl>().expect("the root is a base URL"),
        source_base_url: None,
        crops: vec![],
        sizes: "100vw".into(),
        alt: String::new(),
        loading: Loading::Lazy,
        has_placeholder: true,
    }
}
