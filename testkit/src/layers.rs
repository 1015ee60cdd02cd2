//! Plugins as layers: small directories, packed, walked, and looked at.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use aisoc_manifests::artifact::LayerForm;
use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::Result;
use aisoc_manifests::path::RelPath;
use aisoc_packaging::{Limits, PackOptions, PluginDir, Staged, Staging, pack};
use aisoc_signing::{Appearance, Publishable};
use tempfile::TempDir;

/// The manifest of the plugin `demo`.
pub const MANIFEST: &str = "id: demo\nname: Demo\nversion: \"1.0.0\"\nplugin_type: enricher\n";
/// The media type of a layer that was compressed.
pub const GZIP: &str = "application/vnd.aisoc.plugin.v1.tar+gzip";
/// The media type of one that was not.
pub const TAR: &str = "application/vnd.aisoc.plugin.v1+tar";

/// A directory with those files.
pub fn directory(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().expect("a directory");
    write(root.path(), files);
    root
}

/// Writes files below `root`.
pub fn write(root: &Path, files: &[(&str, &str)]) {
    for (name, content) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, content).expect("written");
    }
}

/// The plugin `demo`: a manifest and two modules.
pub fn demo() -> TempDir {
    directory(&[("plugin.yaml", MANIFEST), ("plugin.py", "class Plugin: ...\n"), ("sub/__init__.py", "")])
}

/// A layer that says which directory it is.
pub fn titled(title: &str) -> LayerForm {
    LayerForm::Archive { title: Some(path(title)), content_digest: None }
}

/// A layer that does not.
pub fn untitled() -> LayerForm {
    LayerForm::Archive { title: None, content_digest: None }
}

/// A relative path that is one.
pub fn path(text: &str) -> RelPath {
    RelPath::parse(text).expect("a valid path")
}

/// Walks one layer and writes nothing.
pub fn inspect(form: &LayerForm, media_type: &str, reader: impl Read) -> Result<Staged> {
    let mut staging = Staging::hash_only(Limits::default());
    staging.layer(form, media_type, reader)?;
    staging.finish()
}

/// The leave to publish a plugin that has no signature.
pub fn unsigned(plugin: &PluginDir) -> Publishable {
    let Appearance::Unsigned(statement) = Appearance::of(&plugin.claim()).expect("readable") else {
        panic!("a signature")
    };
    Publishable::meant_unsigned(statement)
}

/// The layer of a plugin, compressed on that many threads.
pub fn packed(plugin: &Path, threads: usize) -> Vec<u8> {
    let plugin = PluginDir::open(plugin).expect("a plugin");
    let mut bytes = Vec::new();
    let id = "demo".parse().expect("an id");
    pack(&plugin, &unsigned(&plugin), &id, &PackOptions { threads, mtime: None }, &mut bytes).expect("packed");
    bytes
}

/// Everything below a directory: names, kinds, modes, contents and inode numbers.
pub fn snapshot(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("listed") {
            let path = entry.expect("an entry").path();
            let metadata = path.symlink_metadata().expect("there");
            let content = if metadata.is_file() { fs::read(&path).expect("read") } else { Vec::new() };
            let line = format!("{:o} {} {}", metadata.permissions().mode(), metadata.ino(), Digest::of(&content));
            found.insert(path.strip_prefix(root).expect("below").display().to_string(), line);
            if metadata.is_dir() {
                directories.push(path);
            }
        }
    }
    found
}
