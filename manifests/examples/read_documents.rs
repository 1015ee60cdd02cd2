//! Reads manifests in bulk and says what would be signed: our end of `checks/interop/differential.py`.
//!
//! Standard input, for each document: one byte, `y` for plugin.yaml or `j` for aisoc-plugin.json; its
//! length in four bytes, the most significant first; its bytes. Standard output, for each document, one
//! line of ASCII: the payload that is signed of a plugin without Python files, or `!STAGE REASON: MESSAGE`
//! with the stage that refuses, `manifest` or `digest`.

use std::io::{self, BufWriter, Read as _, Write as _};

use aisoc_manifests::fault::Fault;
use aisoc_manifests::plugin::{Document, MAX_MANIFEST_BYTES, ManifestFile, PythonFiles};

fn main() -> io::Result<()> {
    let mut input = io::stdin().lock();
    let mut output = BufWriter::new(io::stdout().lock());
    let mut header = [0; 5];
    loop {
        match input.read(&mut header[..1])? {
            0 => return output.flush(),
            _ => input.read_exact(&mut header[1..])?,
        }
        let [kind, length @ ..] = header;
        let mut content = vec![0; (u32::from_be_bytes(length) as usize).min(2 * MAX_MANIFEST_BYTES)];
        input.read_exact(&mut content)?;
        let file = if kind == b'y' { ManifestFile::Yaml } else { ManifestFile::Json };
        output.write_all(&answer(file, &content))?;
        output.write_all(b"\n")?;
    }
}

fn answer(file: ManifestFile, content: &[u8]) -> Vec<u8> {
    let refused = |stage: &str, fault: &Fault| {
        format!("!{stage} {}: {}", fault.reason(), fault.message().escape_default()).into_bytes()
    };
    match Document::read(file, content) {
        Err(fault) => refused("manifest", &fault),
        Ok(document) => match document.signed_payload(&PythonFiles::default()) {
            Err(fault) => refused("digest", &fault),
            Ok(payload) => payload,
        },
    }
}
