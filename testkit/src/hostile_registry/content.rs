//! `Content`: what a registry holds, and what it answers where nothing else is done.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use aisoc_manifests::digest::Digest;
use serde_json::Value;

use super::line::Line;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Manifests by tag and digest, and blobs by digest.
#[derive(Debug, Clone, Default)]
pub struct Content {
    manifests: BTreeMap<String, Vec<u8>>,
    blobs: BTreeMap<String, Vec<u8>>,
}

impl Content {
    /// The one artifact of an OCI layout, under the tag `1`.
    pub fn of_layout(layout: &Path) -> Self {
        let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json")).expect("read")).expect("JSON");
        let mut content = Self::default();
        for blob in fs::read_dir(layout.join("blobs/sha256")).expect("listed") {
            content = content.blob(fs::read(blob.expect("an entry").path()).expect("read"));
        }
        let digest = index["manifests"][0]["digest"].as_str().expect("a digest");
        let manifest = content.blobs[digest].clone();
        content.manifest(manifest)
    }

    /// With that blob too.
    #[must_use]
    pub fn blob(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        self.blobs.insert(Digest::of(&bytes).to_string(), bytes);
        self
    }

    /// With that manifest under the tag `1`, and under its digest.
    #[must_use]
    pub fn manifest(self, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        let mut content = self.untagged(bytes.clone());
        content.manifests.insert("1".to_owned(), bytes);
        content
    }

    /// With that manifest under its digest.
    #[must_use]
    pub fn untagged(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        self.manifests.insert(Digest::of(&bytes).to_string(), bytes);
        self
    }

    /// The manifest that the tag `1` names.
    pub fn tagged(&self) -> &[u8] {
        &self.manifests["1"]
    }

    /// The same, as JSON.
    pub fn document(&self) -> Value {
        serde_json::from_slice(self.tagged()).expect("JSON")
    }

    /// The bytes that a descriptor of the manifest names: `/layers/0`, `/config`.
    pub fn named(&self, pointer: &str) -> &[u8] {
        let document = self.document();
        let digest = document.pointer(pointer).and_then(|descriptor| descriptor["digest"].as_str()).expect("a digest");
        &self.blobs[digest]
    }

    /// With the manifest that `change` makes of it under the tag `1`.
    #[must_use]
    pub fn changed(self, change: impl FnOnce(&mut Value)) -> Self {
        let mut document = self.document();
        change(&mut document);
        self.manifest(document.to_string())
    }

    /// What a registry answers that has this and does as it should.
    pub(super) fn answer(&mut self, line: &mut Line) -> io::Result<()> {
        let (method, path) = (line.method().to_owned(), line.path().to_owned());
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        let name = path.rsplit('/').next().unwrap_or_default();
        match (method.as_str(), path) {
            (_, "/v2/") => line.say("200 OK", b"{}"),
            ("POST", path) if path.ends_with("/uploads/") => line.say(&format!("202 Accepted\nLocation: {path}1"), b""),
            ("PUT", path) if path.contains("/uploads/") => {
                let digest = query.rsplit("digest=").next().unwrap_or_default().replace("%3A", ":");
                let body = line.body()?;
                self.blobs.insert(digest, body);
                line.head("201 Created\nContent-Length: 0")
            }
            ("PUT", path) if path.contains("/manifests/") => {
                let body = line.body()?;
                self.manifests.insert(name.to_owned(), body);
                line.head("201 Created\nContent-Length: 0")
            }
            (_, path) if path.ends_with("/tags/list") => {
                line.say("200 OK\nContent-Type: application/json", b"{\"tags\":[\"1\"]}")
            }
            (_, path) => match self.found(path, name) {
                Some((kind, bytes)) => line.say(&format!("200 OK\nContent-Type: {kind}"), bytes),
                None => line.say("404 Not Found", b""),
            },
        }
    }

    fn found(&self, path: &str, name: &str) -> Option<(String, &[u8])> {
        if path.contains("/blobs/") {
            return Some(("application/octet-stream".to_owned(), self.blobs.get(name)?));
        }
        let bytes = self.manifests.get(name)?;
        let document: Value = serde_json::from_slice(bytes).unwrap_or_default();
        Some((document["mediaType"].as_str().unwrap_or(MANIFEST).to_owned(), bytes))
    }
}
