//! `aisoc plugins journal export` and `aisoc keys journal export`

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::documents::JournalEntry;

use super::places::Places;
use super::{line, verify};
use crate::args::journal::JournalExportArgs;
use crate::context::Context;
use crate::output::{print, printable_json};

/// So much is collected before it is printed: a journal of a million lines takes no more memory than one of ten.
const BLOCK_BYTES: usize = 64 << 10;

/// Prints each line as a JSON document of its own, while they are read.
pub(crate) fn run<P: Places>(args: JournalExportArgs<P>, context: &Context) -> Result<u8> {
    if context.output.json() {
        let hint = format!(
            "leave `--json` out; for one document of the newest lines: `aisoc {} journal show --json`",
            P::GROUP
        );
        return Err(
            Fault::new(Reason::Usage, "an export is a JSON document for each line, and no single one").hint(hint)
        );
    }
    let mut broken = None::<Fault>;
    for place in args.place.places(context)? {
        let mut block = String::new();
        let reading = line::read(&place, &args.filter, |entry| {
            block.push_str(&text(&entry));
            match block.len() < BLOCK_BYTES {
                true => Ok(()),
                false => print(&std::mem::take(&mut block)),
            }
        })?;
        print(&block)?;
        verify::warn(&place, &reading.summary, context);
        broken = broken.or(reading.broken);
    }
    broken.map_or(Ok(0), Err)
}

fn text(entry: &JournalEntry) -> String {
    let document = serde_json::to_string(entry).expect("entries are strings and numbers");
    format!("{}\n", printable_json(&document))
}
