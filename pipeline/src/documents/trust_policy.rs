//! Trust rules: what has to be shown of which plugin.

use schemars::JsonSchema;
use serde::Serialize;

/// `aisoc trust policy show`: the trust rules that count.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TrustRuleList {
    /// The file that they are in.
    pub path: String,
    /// The rules, in the order of the file.
    pub rules: Vec<ShownTrustRule>,
}

/// A trust rule.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ShownTrustRule {
    /// What it is called.
    pub name: String,
    /// Ids of the plugins that it is about, as globs; `null` where it is about all.
    pub plugins: Option<Vec<String>>,
    /// Registries and repositories that plugins come from which it is about; `null` where it is about all.
    pub repositories: Option<Vec<String>>,
    /// The keys that have to have signed; `null` where it says nothing of them.
    pub keys: Option<ShownTrustKeys>,
    /// The proofs that the artifact has to have.
    pub proofs: Vec<ShownTrustProof>,
}

/// How many keys have to have signed, and which ones count.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ShownTrustKeys {
    /// How many.
    pub least_count: usize,
    /// Names or fingerprints of those that count; all trusted keys where there is none.
    pub of: Vec<String>,
}

/// A proof that an artifact has to have.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ShownTrustProof {
    /// Of what: `sigstore`, `provenance` or `sbom`.
    pub kind: String,
    /// Who has to have signed it, in words.
    pub by: String,
    /// Who has to have built the artifact, in words; `null` where that is no matter.
    pub builder: Option<String>,
}

/// `aisoc trust policy explain`: the trust rules about one plugin.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ExplainedTrust {
    /// The file that they are in.
    pub path: String,
    /// The plugin.
    pub plugin: String,
    /// The repository that it comes from; `null` where nobody knows.
    pub repository: Option<String>,
    /// The rules that are about it, all of which have to be met. None means that it is not let in.
    pub rules: Vec<ShownTrustRule>,
    /// What it is refused for, where no rule is about it; `null` otherwise.
    pub reason_code: Option<&'static str>,
}

/// `aisoc trust policy test`: whether trust rules say what was expected.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TestedTrust {
    /// The file that the rules are in.
    pub path: String,
    /// How many cases there are.
    pub case_count: usize,
    /// How many of them came out otherwise than expected.
    pub failed_count: usize,
    /// The cases, in the order of the file.
    pub cases: Vec<TestedTrustCase>,
}

/// One case, and what came of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TestedTrustCase {
    /// The plugin that is supposed.
    pub plugin: String,
    /// The line of the file that the case begins in.
    pub line: usize,
    /// What was expected: `admitted`, `refused`, or the code of a refusal.
    pub expected: String,
    /// What came of it: `admitted`, or the code of the refusal.
    pub found: String,
    /// Whether that is what was expected.
    pub is_as_expected: bool,
    /// The rules that are about it, where it is admitted.
    pub rules: Vec<String>,
    /// Why it is refused, in words; `null` where it is admitted.
    pub reason: Option<String>,
}
