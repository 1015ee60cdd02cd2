//! `aisoc plugin keygen`, `aisoc keygen`

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::documents::KeyPair;
use aisoc_signing::{Overwrite, SigningKey, write_key_pair};

use crate::args::plugin::KeygenArgs;
use crate::context::Context;
use crate::output::{self, Answer, path_text, printable};

impl Answer for KeyPair {
    fn text(&self) -> String {
        format!("{}\n{}\n", printable(&self.private_key_path), printable(&self.public_key_path))
    }
}

pub(crate) fn run(args: KeygenArgs, context: &Context) -> Result<u8> {
    if output::resembles_key(&args.out.to_string_lossy()) {
        return Err(Fault::new(
            Reason::Usage,
            "the value of `--out` looks like a key, and names the files of a new one",
        )
        .hint("name the key, for example `--out release`"));
    }
    let prefix = args.out.as_os_str().as_encoded_bytes();
    if args.out.file_name().is_none() || prefix.ends_with(b"/") || prefix.ends_with(b"/.") {
        return Err(Fault::new(
            Reason::Usage,
            format!("`{}` names a directory, not the beginning of a file name", args.out.display()),
        )
        .hint(format!("name the key, for example `--out {}`", aisoc_files::shell_word(args.out.join("release")))));
    }
    let overwrite = if args.force { Overwrite::Replace } else { Overwrite::Refuse };
    let key = SigningKey::generate()?;
    let pair = write_key_pair(&args.out, &key, overwrite)?;
    let fingerprint = key.public_key().fingerprint().to_string();
    context.output.status("Generated", format!("an Ed25519 key pair, fingerprint {fingerprint}"));
    context
        .output
        .status("Keep", format!("{} secret; give {} to operators", pair.private.display(), pair.public.display()));
    context.output.answer(&KeyPair {
        private_key_path: path_text(&pair.private),
        public_key_path: path_text(&pair.public),
        signing_key_fingerprint: fingerprint,
    })
}
