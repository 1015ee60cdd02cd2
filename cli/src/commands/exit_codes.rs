//! The page of exit codes, made of the classes of reasons.

use std::fmt::Write as _;

use aisoc_manifests::fault::{Class, Reason};

/// `docs/exit-codes.md`
pub(crate) fn page() -> String {
    let mut page = String::from(
        "# Exit codes\n\nOne table for every command. *No* and *could not tell* never share a code: a script may repeat\n\
         what ended with 4, and must not repeat what ended with 3. `type` is the word in `error` with `--json`. Generated\n\
         from `manifests/src/reason.rs`.\n\n| code | type | meaning |\n|---|---|---|\n\
         | 0 | | Done; where a verdict was asked for, it is a yes. Warnings change nothing of it. |\n",
    );
    for class in Class::ALL {
        let _ = writeln!(page, "| {} | `{}` | {} |", class.exit_code(), class.as_str(), class.meaning());
    }
    page.push_str(
        "\nA file or a directory that is missing is 1 wherever it is named. Credentials that a registry refuses are 1: a\n\
         retry does not help. A download that ends early or goes on is 4, and 3 only when a digest or a signature says\n\
         no. Of several that are refused, a no of trust decides before everything else.\n\n## Reasons by exit code\n",
    );
    for class in Class::ALL {
        let reasons = Reason::ALL.iter().filter(|reason| reason.class() == class);
        let codes: Vec<String> = reasons.map(|reason| format!("`{reason}`")).collect();
        let _ = writeln!(page, "\n{}: {}.", class.exit_code(), codes.join(", "));
    }
    page
}
