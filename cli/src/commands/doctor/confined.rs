//! What plugins are confined by here, or why not.

use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;

use aisoc_pipeline::doctor::{Finding, Rule};
use aisoc_pipeline::documents::{SandboxExamination, SandboxLayer};
use aisoc_worker::{Launcher, Layers, Sandbox};

use crate::environment::SANDBOX;

/// What this system gives, and what of it is to be mended.
pub(super) fn examine(launcher: &Launcher, stop: &AtomicBool) -> (SandboxExamination, Vec<Finding>) {
    let (layers, missing) = match launcher.layers(stop) {
        Ok(layers) => (listed(&layers), layers.missing()),
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
    (SandboxExamination { mode: launcher.sandbox.as_str(), layers }, finding.into_iter().collect())
}

fn listed(layers: &Layers) -> Vec<SandboxLayer> {
    let layer = |(name, layer): (_, &aisoc_worker::Layer)| SandboxLayer {
        name,
        is_active: layer.is_active,
        detail: layer.detail.clone(),
    };
    layers.named().into_iter().map(layer).collect()
}

/// One line for each layer.
pub(super) fn write_layers(text: &mut String, sandbox: &SandboxExamination) {
    for SandboxLayer { name, is_active, detail } in &sandbox.layers {
        let holds = if *is_active { "" } else { "missing: " };
        let _ = writeln!(text, "sandbox {name}: {holds}{detail}");
    }
}
