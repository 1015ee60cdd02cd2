//! A bundle: verified plugins with what refers to them in one file, for a place that no network leads to.
//!
//! The file is an archive of an OCI image layout, so that every tool which reads these reads it too. One artifact more
//! is in it, tagged `bundle`, whose only layer lists the plugins. Nothing in the list is believed: it says what to look for, and
//! who accepted it where it was exported; whoever imports judges every plugin by the keys of his own site.

mod document;
mod export;
mod open;

pub use document::{BundledPlugin, BundledSigner, MAX_BUNDLE_LIST_BYTES, MAX_BUNDLED_PLUGINS};
pub use export::{BundleExport, ExportedBundle, export_bundle};
pub use open::{OpenedBundle, open_bundle};
