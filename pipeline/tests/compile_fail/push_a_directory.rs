//! A path is not pushed, and neither is a reference: both are read and judged first, and what was judged goes.
use std::path::Path;

use aisoc_manifests::reference::Reference;
use aisoc_pipeline::{PackageOptions, PushOptions, Silent, publish, push};

fn shortcut(directory: &Path, source: &Reference, to: &Reference, package: &PackageOptions, options: &PushOptions) {
    let _ = publish(directory, to, package, options, &Silent);
    let _ = push(source, to, options, &Silent);
}

fn main() {}
