//! Services of the operator's that do for plugins what the host does not do itself.

use std::sync::Arc;

use aisoc_context::{Answered, Provider, ProviderLeaves, ProviderQuestion, Providers, Refusal, Why};
use aisoc_manifests::text::shown;
use aisoc_outbound::{Broker, NotTaken, Provider as Asked, ProviderRule, Unanswered};
use serde::Deserialize;
use serde_json::Value;

use crate::patience::patience;
use crate::settings::ProviderRules;
use crate::strict_json;

/// Most characters that are shown of what a provider says.
const MAX_SHOWN: usize = 1000;

impl ProviderRules {
    pub(crate) const fn is_empty(&self) -> bool {
        self.federation.is_none() && self.tenant.is_none()
    }

    pub(crate) fn begin(&self, broker: &Broker) -> Providers {
        let begin = |name, rule: &Option<ProviderRule>| {
            let asked = rule.clone().map(|rule| broker.provider(rule));
            asked.map(|asked| Arc::new(Named { name, asked }) as Arc<dyn Provider>)
        };
        Providers { federation: begin("federation", &self.federation), tenant: begin("tenant", &self.tenant) }
    }
}

#[derive(Debug)]
struct Named {
    name: &'static str,
    asked: Asked,
}

/// What a provider answers: one of the two, and nothing beside it.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Result(Value),
    Error(SaidError),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidError {
    code: String,
    message: String,
}

impl Provider for Named {
    fn ask(&self, question: ProviderQuestion<'_>, leaves: &mut ProviderLeaves<'_>) -> Answered {
        let ProviderQuestion { plugin, body, waiting } = question;
        let mut not_taken = None;
        let mut told = || {
            leaves().map_err(|refusal| {
                not_taken = Some(refusal);
                NotTaken
            })
        };
        let (body, patience) = (body.to_string().into_bytes(), patience(waiting.left()));
        let answer = self.asked.ask(plugin, body, patience, waiting.stop, &mut told);
        if let Some(refusal) = not_taken {
            return Answered { answer: Err(refusal), why: None };
        }
        let said = match answer {
            Ok(answer) => strict_json::value(&answer).and_then(serde_json::from_value),
            Err(unanswered) => {
                let why = Some(format!("{}: {unanswered}", unanswered.code()));
                return Answered { answer: Err(self.refusal(&unanswered)), why };
            }
        };
        match said {
            Ok(Said::Result(value)) => Answered { answer: Ok(value), why: None },
            Ok(Said::Error(SaidError { code, message })) => match Why::of(&code) {
                Some(why) => Answered { answer: Err(Refusal::Failed(why, shown(&message, MAX_SHOWN))), why: None },
                None => self.silent("it answers with an error of a code that there is not"),
            },
            // The reader's words repeat what it has read.
            Err(_) => self.silent("the answer is not of the form that it has to have"),
        }
    }
}

impl Named {
    /// What the plugin is told. Where its operator has the provider is none of its matters.
    fn refusal(&self, unanswered: &Unanswered) -> Refusal {
        let (why, words) = match unanswered {
            Unanswered::Rate { .. } | Unanswered::Busy { .. } => (Why::RateLimited, unanswered.to_string()),
            Unanswered::Late { .. } => (
                Why::TimedOut,
                format!("the provider of `{}`: {unanswered}; whether it was done nobody knows", self.name),
            ),
            _ => (Why::Unavailable, self.words()),
        };
        Refusal::Failed(why, words)
    }

    fn silent(&self, why: &str) -> Answered {
        Answered { answer: Err(Refusal::Failed(Why::Unavailable, self.words())), why: Some(why.to_owned()) }
    }

    fn words(&self) -> String {
        format!("the provider of `{}` does not answer as it has to", self.name)
    }
}
