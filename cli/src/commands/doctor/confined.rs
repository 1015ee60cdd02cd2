//! What plugins are confined by here, or why not.

use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;

use aisoc_pipeline::doctor::{Finding, Rule};
use aisoc_pipeline::documents::{SandboxExamination, SandboxLayer};
use aisoc_worker::{Groups, Launcher, Layer, Sandbox};

use crate::environment::SANDBOX;

/// What it is called beside the layers.
const CONTROL_GROUP: &str = "control_group";

/// What this system gives, and what of it is to be mended.
pub(super) fn examine(launcher: &Launcher, stop: &AtomicBool) -> (SandboxExamination, Vec<Finding>) {
    let (layers, missing) = match launcher.layers(stop) {
        Ok(layers) => (layers.named().into_iter().map(listed).collect(), layers.missing()),
        Err(error) => (Vec::new(), error.to_string()),
    };
    let hint = "let users make namespaces (`sysctl user.max_user_namespaces`; in a container, its seccomp profile and \
                AppArmor), and run a kernel with Landlock (5.13 or newer) and seccomp";
    let finding = match launcher.sandbox {
        Sandbox::Off => {
            let hint = format!("unset {SANDBOX}: plugins are confined by what the system gives then");
            Some(Finding::at(
                Rule::SandboxOff,
                SANDBOX,
                "plugins are not confined",
                ("best-effort or require", "off"),
                hint,
            ))
        }
        _ if missing.is_empty() => None,
        Sandbox::Require => {
            let message = "plugins cannot be confined as they have to be";
            Some(Finding::at(Rule::SandboxUnavailable, SANDBOX, message, ("every layer", missing), hint))
        }
        Sandbox::BestEffort => {
            let message = "plugins are not confined whole";
            Some(Finding::at(Rule::SandboxPartial, SANDBOX, message, ("every layer", missing), hint))
        }
    };
    let control_group = listed((CONTROL_GROUP, &Groups::look()));
    let sandbox = SandboxExamination { mode: launcher.sandbox.as_str(), layers, control_group };
    (sandbox, finding.into_iter().collect())
}

fn listed((name, layer): (&'static str, &Layer)) -> SandboxLayer {
    SandboxLayer { name, is_active: layer.is_active, detail: layer.detail.clone() }
}

/// One line for each layer.
pub(super) fn write_layers(text: &mut String, sandbox: &SandboxExamination) {
    for SandboxLayer { name, is_active, detail } in sandbox.layers.iter().chain([&sandbox.control_group]) {
        let holds = if *is_active { "" } else { "missing: " };
        let _ = writeln!(text, "sandbox {name}: {holds}{detail}");
    }
}
