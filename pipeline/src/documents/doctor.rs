//! What is insecure or broken on a site.

use schemars::JsonSchema;
use serde::Serialize;

/// Everything that was found on a site.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SiteExamination {
    /// The plugins directory.
    pub plugins_directory: String,
    /// The directory of the keys, or the one file.
    pub keys_directory: String,
    /// The lock, or where it would be.
    pub lock: String,
    /// `dev`, or `production`: whether what the lock does not accept is refused.
    pub plugin_mode: &'static str,
    /// What is done about what is not verified: `strict`, `warn` or `disabled`.
    pub trust_mode: &'static str,
    /// What plugins are confined by.
    pub sandbox: SandboxExamination,
    /// How many findings are errors.
    pub error_count: usize,
    /// How many are warnings.
    pub warning_count: usize,
    /// How many are notes.
    pub note_count: usize,
    /// What was found: what weighs most first, then by place.
    pub site_findings: Vec<SiteFinding>,
}

/// What plugins are confined by on this system.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SandboxExamination {
    /// `require`, `best-effort` or `off`, as `AISOC_SANDBOX` says.
    pub mode: &'static str,
    /// What the kernel gives; nothing where that could not be found out.
    pub layers: Vec<SandboxLayer>,
    /// What limits a plugin whole, where a host that is started there would be given one to divide. It is no layer that
    /// confines a plugin, and nothing is refused without it.
    pub control_group: SandboxLayer,
}

/// One layer of a confinement.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SandboxLayer {
    /// `namespaces`, `landlock`, `seccomp`, or `control_group`.
    pub name: &'static str,
    /// Whether it holds.
    pub is_active: bool,
    /// What of it holds, or why it does not.
    pub detail: String,
}

/// One thing that somebody should know of a site.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SiteFinding {
    /// What it is about, by an id that keeps its meaning.
    pub rule: &'static str,
    /// `error`, `warning` or `note`.
    pub level: &'static str,
    /// The file, the directory, the variable or the user.
    pub place: String,
    /// What was found.
    pub message: String,
    /// What should be there; nothing where the message says it in words.
    pub expected: Option<String>,
    /// What is.
    pub found: Option<String>,
    /// What to do about it.
    pub hint: String,
}
