//! `Permission`: what a route of the API asks for, and the scopes and roles that hold it.

use std::fmt;
use std::str::FromStr;

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::text::shown;
use serde::{Deserialize, Serialize};

/// Longest word that a message repeats.
const MAX_SHOWN: usize = 40;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// To see plugins.
    Read,
    /// To call one.
    Execute,
    /// To change which are in memory, and which take calls.
    Admin,
    /// To fire hooks, and be told what they come to.
    Fire,
}

impl Permission {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Read, Self::Execute, Self::Admin, Self::Fire];

    /// As tokens and answers write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "plugins:read",
            Self::Execute => "plugins:execute",
            Self::Admin => "plugins:admin",
            Self::Fire => "hooks:fire",
        }
    }

    /// Whether it is one about plugins.
    const fn is_about_plugins(self) -> bool {
        matches!(self, Self::Read | Self::Execute | Self::Admin)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a token holds: exactly what it says. Who may change plugins may not for that see or call them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum Scope {
    /// One permission.
    One(Permission),
    /// Every permission about plugins: `plugins:*`.
    Plugins,
    /// Everything: `*`.
    Everything,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::One(Permission::Read),
        Self::One(Permission::Execute),
        Self::One(Permission::Admin),
        Self::One(Permission::Fire),
        Self::Plugins,
        Self::Everything,
    ];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::One(permission) => permission.as_str(),
            Self::Plugins => "plugins:*",
            Self::Everything => "*",
        }
    }

    /// Whether it holds that permission.
    pub fn holds(self, permission: Permission) -> bool {
        match self {
            Self::One(one) => one == permission,
            Self::Plugins => permission.is_about_plugins(),
            Self::Everything => true,
        }
    }
}

/// What somebody is to a host. Of the eight that hosts know two may do anything with plugins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum Role {
    /// Of the whole platform.
    PlatformAdmin,
    /// Of one host.
    Admin,
    /// Of one tenant's people.
    TenantAdmin,
    /// Leads analysts.
    SocLead,
    /// Looks at alerts.
    SocAnalyst,
    /// Looks for what nobody has alerted of.
    ThreatHunter,
    /// Looks on.
    Viewer,
    /// A program.
    ApiService,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::PlatformAdmin,
        Self::Admin,
        Self::TenantAdmin,
        Self::SocLead,
        Self::SocAnalyst,
        Self::ThreatHunter,
        Self::Viewer,
        Self::ApiService,
    ];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PlatformAdmin => "platform_admin",
            Self::Admin => "admin",
            Self::TenantAdmin => "tenant_admin",
            Self::SocLead => "soc_lead",
            Self::SocAnalyst => "soc_analyst",
            Self::ThreatHunter => "threat_hunter",
            Self::Viewer => "viewer",
            Self::ApiService => "api_service",
        }
    }

    /// Whether it holds any permission, and then it holds all.
    pub const fn holds_plugins(self) -> bool {
        matches!(self, Self::PlatformAdmin | Self::Admin)
    }
}

/// One of `all` by its word.
fn named<T: Copy>(text: &str, what: &str, all: &[T], word: impl Fn(T) -> &'static str) -> Result<T, Fault> {
    all.iter().copied().find(|one| word(*one) == text).ok_or_else(|| {
        let words: Vec<&str> = all.iter().map(|one| word(*one)).collect();
        Fault::new(Reason::Usage, format!("`{}` is no {what}", shown(text, MAX_SHOWN)))
            .expected(words.join(", "), shown(text, MAX_SHOWN))
    })
}

impl FromStr for Scope {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        named(text, "scope", &Self::ALL, Self::as_str)
    }
}

impl FromStr for Role {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        named(text, "role", &Self::ALL, Self::as_str)
    }
}

impl TryFrom<String> for Scope {
    type Error = Fault;

    fn try_from(text: String) -> Result<Self, Fault> {
        text.parse()
    }
}

impl TryFrom<String> for Role {
    type Error = Fault;

    fn try_from(text: String) -> Result<Self, Fault> {
        text.parse()
    }
}

impl From<Scope> for &'static str {
    fn from(scope: Scope) -> Self {
        scope.as_str()
    }
}

impl From<Role> for &'static str {
    fn from(role: Role) -> Self {
        role.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_holds_what_it_says_and_a_star_everything() {
        let held = |text: &str| {
            let scope: Scope = text.parse().expect(text);
            Permission::ALL.map(|permission| scope.holds(permission))
        };
        assert_eq!(held("plugins:read"), [true, false, false, false]);
        assert_eq!(held("plugins:execute"), [false, true, false, false]);
        assert_eq!(held("plugins:admin"), [false, false, true, false], "and not to see or call them");
        assert_eq!(held("hooks:fire"), [false, false, false, true], "and nothing of plugins");
        assert_eq!(held("plugins:*"), [true, true, true, false], "hooks are none of them");
        assert_eq!(held("*"), [true; 4]);
    }

    #[test]
    fn words_are_theirs_to_the_letter() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse::<Scope>().expect("its own"), scope);
        }
        for role in Role::ALL {
            assert_eq!(role.as_str().parse::<Role>().expect("its own"), role);
        }
        for text in ["", "plugins", "plugins:", "plugins:Read", "plugins:write", "**", "*:*", " *", "plugins:read "] {
            assert_eq!(text.parse::<Scope>().expect_err(text).reason(), Reason::Usage);
        }
        for text in ["", "Admin", "root", "admin "] {
            assert_eq!(text.parse::<Role>().expect_err(text).reason(), Reason::Usage);
        }
    }

    #[test]
    fn two_roles_of_eight_hold_anything() {
        let holding: Vec<&str> = Role::ALL.into_iter().filter(|role| role.holds_plugins()).map(Role::as_str).collect();
        assert_eq!(holding, ["platform_admin", "admin"]);
    }
}
