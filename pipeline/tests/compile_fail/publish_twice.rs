//! One judgement publishes one tree, once.
use aisoc_manifests::reference::{LayoutReference, Reference};
use aisoc_pipeline::{PackageOptions, Publication, PushOptions, Silent, package, publish};

fn shortcut(judged: Publication, out: &LayoutReference, to: &Reference, how: &PackageOptions, options: &PushOptions) {
    let _ = package(judged, out, how, &Silent);
    let _ = publish(judged, to, how, options, &Silent);
}

fn main() {}
