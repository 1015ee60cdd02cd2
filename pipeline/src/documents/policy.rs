//! Which commands may be given, and who is compiled into this command.

use schemars::JsonSchema;
use serde::Serialize;

/// A rule over commands, as it counts. What it does not say is empty.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ShownRule {
    /// What it is called.
    pub name: String,
    /// What it is there for.
    pub description: String,
    /// Patterns of which a command has to match one; all commands where there is none.
    pub allow: Vec<String>,
    /// Patterns of which a command matches none.
    pub deny: Vec<String>,
    /// The most harm that a command may do; empty where nothing is said of it.
    pub max_risk: String,
    /// For whom a command that says so has to be.
    pub identities: Vec<String>,
    /// Whether a command may say nothing of its risk.
    pub allow_unannotated: bool,
}

/// `aisoc config policy show`: the rule that counts.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct EffectivePolicy {
    /// Where it is from: `plugin`, `yaml` or `none`.
    pub source: &'static str,
    /// The plugin that has handed it over; empty for the file, whose path is told to nobody. Left out where there is no rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_name: Option<String>,
    /// How many commands and groups of commands it denies. Left out where there is no rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denied_paths: Option<usize>,
    /// The rule. Left out where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<ShownRule>,
    /// Why there is none. Left out where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
}

/// `aisoc config policy validate`: a policy without a fault.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ValidPolicy {
    /// The file, as it was named.
    pub path: String,
    /// What is in it.
    pub rule: ShownRule,
}

/// What one axis of a rule says of a command.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PolicyAxis {
    /// The axis: `diagnostics`, `risk`, `deny`, `allow`, `max_risk` or `identities`.
    pub axis: &'static str,
    /// Whether it lets the command through.
    pub passes: bool,
    /// The code with which it denies the command; `null` where it lets it through.
    pub reason_code: Option<&'static str>,
    /// Why, in words.
    pub reason: String,
    /// The pattern that decided; `null` where none did.
    pub pattern: Option<String>,
}

/// A command below a group, and why it is denied.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DeniedBelow {
    /// The command.
    pub command_path: String,
    /// Why.
    pub reason_code: &'static str,
}

/// Who denies a command, and why.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ShownDenial {
    /// Who: `policy` or `strict_mode`.
    pub layer: &'static str,
    /// By what: `plugin:NAME`, `yaml`, `yaml:NAME`, `strict-mode`, or `mixed`.
    pub policy_source: String,
    /// What the rule is called; empty where it has no name.
    pub rule_name: String,
    /// The code.
    pub reason_code: &'static str,
    /// Why, in words.
    pub reason: String,
    /// For a group: every command below it, and why that is denied.
    pub below: Vec<DeniedBelow>,
}

/// `aisoc config policy explain`: what comes of a command, and what decided.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ExplainedCommand {
    /// The command, as policies name it.
    pub command_path: String,
    /// Whether it may be given.
    pub is_allowed: bool,
    /// The most harm that it can do; `null` for a group.
    pub risk: Option<String>,
    /// What it is about; empty for a group.
    pub domain: String,
    /// For whom it is; `null` for everybody.
    pub identities: Option<Vec<String>>,
    /// The rule that counts: `plugin:NAME`, `yaml` or `yaml:NAME`; `null` where there is none.
    pub policy_source: Option<String>,
    /// The axes that were asked, up to the first that denies it. None for a group, and where there is no rule.
    pub axes: Vec<PolicyAxis>,
    /// Who denies it; `null` where nobody does.
    pub denial: Option<ShownDenial>,
}

/// `aisoc config policy test`: whether a policy says what was expected.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TestedPolicy {
    /// How many cases there are.
    pub case_count: usize,
    /// How many of them came out otherwise than expected.
    pub failed_count: usize,
    /// The cases, in the order of the file.
    pub cases: Vec<TestedCase>,
}

/// One case, and what came of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TestedCase {
    /// The command.
    pub command_path: String,
    /// The line of the file that it begins in.
    pub line: usize,
    /// What was expected: `allowed`, `denied`, or the code of a denial.
    pub expected: String,
    /// What came of it: `allowed`, or the code of the denial.
    pub found: String,
    /// Whether that is what was expected.
    pub is_as_expected: bool,
    /// Why it is denied, in words; `null` where it is allowed.
    pub reason: Option<String>,
}

/// `aisoc config plugins show`: who is compiled into this command.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CompiledPlugins {
    /// The plugins, in the order in which they were registered.
    pub plugins: Vec<CompiledPlugin>,
    /// How many.
    pub total: usize,
}

/// One plugin that is compiled in.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CompiledPlugin {
    /// What it is called.
    pub name: String,
    /// Its own version; empty where it does not say.
    pub version: String,
    /// What it says of itself.
    pub capabilities: CompiledCapabilities,
    /// The rule that it has handed over. Left out where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<ShownRule>,
    /// What it is called at.
    pub hooks: CompiledHooks,
}

/// What a plugin that is compiled in says of itself.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CompiledCapabilities {
    /// Whether it hands over a rule.
    pub restricts: bool,
    /// What comes of one that cannot be installed: `FailOpen` or `FailClosed`.
    pub failure_policy: String,
    /// The versions of this command that it asks for. Left out where it asks for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required_cli_version: Option<String>,
}

/// What a plugin that is compiled in is called at.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CompiledHooks {
    /// Who looks on.
    pub observers: Vec<CompiledObserver>,
    /// Who stands around commands.
    pub wrappers: Vec<CompiledWrapper>,
    /// Who is called once in a process.
    pub lifecycle: Vec<CompiledLifecycle>,
    /// How many there are of all three.
    pub count: usize,
}

/// One that looks on.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CompiledObserver {
    /// What it is called.
    pub name: String,
    /// When: `Before` or `After`.
    pub when: String,
}

/// One that stands around commands.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CompiledWrapper {
    /// What it is called.
    pub name: String,
}

/// One that is called once in a process.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CompiledLifecycle {
    /// What it is called.
    pub name: String,
    /// At what: `Startup` or `Shutdown`.
    pub event: String,
}

/// `aisoc config strict-mode`: the identity that this site is bound to.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StrictModeState {
    /// `user`, `bot` or `off`.
    pub strict_mode: String,
    /// What it was before; the same where nothing was changed.
    pub previous_strict_mode: String,
}
