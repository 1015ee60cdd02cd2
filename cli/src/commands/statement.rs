//! Where a signed statement comes from and where it goes, as somebody named it: `-` for standard input or
//! output, a file, or a reference. One form for endorsements and sets.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::Path;

use aisoc_files::{PassingLock, read_stream};
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::keys::{FoundStatement, StatementPlace, unread};
use aisoc_registry_client::ClientOptions;
use aisoc_signing::PayloadType;

use crate::args::plugin::RegistryArgs;
use crate::context::Context;
use crate::output::path_text;
use crate::runtime;
use crate::waiting::Waiting;

/// A place that was named, and how a registry there is spoken to.
pub(super) struct Named {
    kind: PayloadType,
    /// Nothing for standard input and output.
    place: Option<(StatementPlace, ClientOptions)>,
}

impl Named {
    /// # Errors
    /// As [`StatementPlace::parse`] and [`Context::client`].
    pub(super) fn of(kind: PayloadType, text: &OsStr, registry: &RegistryArgs, context: &Context) -> Result<Self> {
        if text == "-" {
            return Ok(Self::stream(kind));
        }
        let place = StatementPlace::parse(kind, text)?;
        let client = context.client(registry, &place.artifact().into_iter().collect::<Vec<_>>())?;
        Ok(Self { kind, place: Some((place, client)) })
    }

    /// Standard input, or standard output.
    pub(super) fn stream(kind: PayloadType) -> Self {
        Self { kind, place: None }
    }

    pub(super) fn is_stream(&self) -> bool {
        self.place.is_none()
    }

    /// The place, as it is named to people and in documents; nothing for a stream.
    pub(super) fn shown(&self) -> Option<String> {
        let (place, _) = self.place.as_ref()?;
        place.file().map(path_text).or_else(|| place.artifact().map(ToString::to_string))
    }

    /// What the statement there is called: the name of the file, or the tag, up to its first dot.
    ///
    /// # Errors
    /// `usage` for what has no name.
    pub(super) fn id(&self) -> Result<String> {
        let of_place = |place: &StatementPlace| match place.artifact() {
            Some(reference) => reference.tag().map(ToString::to_string),
            None => place.file()?.file_name()?.to_str().map(str::to_owned),
        };
        let name = self.place.as_ref().and_then(|(place, _)| of_place(place)).unwrap_or_default();
        match name.split('.').next().filter(|id| !id.is_empty()) {
            Some(id) => Ok(id.to_owned()),
            None => {
                Err(Fault::new(Reason::Usage, "the successor has no name of its own here").hint("name it: `--id ID`"))
            }
        }
    }

    /// What is there, whole and bounded.
    ///
    /// # Errors
    /// As [`StatementPlace::read`]; `interrupted`.
    pub(super) fn read(&self, context: &Context) -> Result<FoundStatement> {
        let cancellation = context.cancellation()?;
        let Some((place, client)) = &self.place else { return self.standard_input(context) };
        if let Some(reference) = place.artifact() {
            context.output.status("Asking", reference);
        }
        runtime::block_on(cancellation, place.read(client))
    }

    fn standard_input(&self, context: &Context) -> Result<FoundStatement> {
        let shown = Path::new("standard input");
        let cancellation = context.cancellation()?;
        let stdin = std::io::stdin().as_fd().try_clone_to_owned().map_err(|error| Fault::io("read", shown, error))?;
        let content = read_stream(Waiting::new(File::from(stdin), cancellation), self.kind.max_envelope_bytes());
        cancellation.check()?;
        let content = content.map_err(|error| unread(self.kind, shown, error))?;
        Ok(FoundStatement { content, artifact: None })
    }

    /// What is there, or nothing where that is the artifact which is known.
    ///
    /// # Errors
    /// As [`StatementPlace::read`]; `interrupted`.
    pub(super) fn read_unless(
        &self,
        known: Option<ArtifactDigest>,
        context: &Context,
    ) -> Result<Option<FoundStatement>> {
        let Some((place, client)) = self.place.as_ref().filter(|_| known.is_some()) else {
            return self.read(context).map(Some);
        };
        if let Some(reference) = place.artifact() {
            context.output.status("Asking", reference);
        }
        runtime::block_on(context.cancellation()?, place.read_unless(known, client))
    }

    /// What is there, or nothing where nothing is; of standard output nothing is known.
    ///
    /// # Errors
    /// As [`StatementPlace::read_present`].
    pub(super) fn read_present(&self, context: &Context) -> Result<Option<FoundStatement>> {
        let Some((place, client)) = &self.place else { return Ok(None) };
        runtime::block_on(context.cancellation()?, place.read_present(client))
    }

    /// Keeps others from a file that is read, added to and put back. A dry run changes nothing, and keeps nobody.
    ///
    /// # Errors
    /// As [`StatementPlace::hold`].
    pub(super) fn hold(&self, context: &Context) -> Result<Option<PassingLock>> {
        match &self.place {
            Some((place, _)) if !context.dry_run().is_on() => place.hold(context.cancellation()?),
            _ => Ok(None),
        }
    }

    /// # Errors
    /// As [`StatementPlace::require_writable`].
    pub(super) fn require_writable(&self, keys_dir: &Path) -> Result<()> {
        self.place.as_ref().map_or(Ok(()), |(place, _)| place.require_writable(keys_dir))
    }

    /// Puts it there, but for a dry run; what goes to standard output is the answer. Says which artifact holds it.
    ///
    /// # Errors
    /// As [`StatementPlace::write`].
    pub(super) fn write(
        &self,
        content: &[u8],
        before: Option<&FoundStatement>,
        context: &Context,
    ) -> Result<Option<String>> {
        let Some((place, client)) = self.place.as_ref().filter(|_| !context.dry_run().is_on()) else { return Ok(None) };
        let written = runtime::block_on(context.cancellation()?, place.write(content, before, client))?;
        Ok(written.map(|digest| digest.to_string()))
    }
}
