//! `aisoc capabilities`

use std::fmt::Write as _;

use aisoc_manifests::capability::{Capability, Impact};
use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::{CapabilityList, KnownCapability};

use crate::args::CapabilitiesArgs;
use crate::context::Context;
use crate::output::Answer;

impl Answer for CapabilityList {
    fn text(&self) -> String {
        let mut text = String::new();
        for capability in &self.capabilities {
            write_capability(&mut text, capability);
        }
        text
    }
}

/// A capability with what a reviewer asks of it, below a line of its own.
pub(super) fn write_capability(text: &mut String, capability: &KnownCapability) {
    let KnownCapability { name, accessor, access, impact, meaning, guidance } = capability;
    let impact = if *impact == Impact::None.as_str() { String::new() } else { format!(", impact {impact}") };
    let _ = writeln!(text, "{name}  {access}{impact}, by {accessor}()\n  {meaning}\n  {guidance}");
}

pub(crate) fn run(CapabilitiesArgs {}: CapabilitiesArgs, context: &Context) -> Result<u8> {
    let capabilities = Capability::ALL.iter().copied().map(KnownCapability::from).collect();
    context.output.answer(&CapabilityList { capabilities })
}
