//! Who sends, as the engine is told.

use crate::who;
use arc_swap::ArcSwapOption;
use std::sync::Arc;
use tradewind_adapter::Verified;
use tradewind_engine::Origin;

/// The sender of the last request. Most requests of a source come from one, who is not described anew for each.
#[derive(Debug, Clone, Default)]
pub struct LastSender(Arc<ArcSwapOption<Known>>);

#[derive(Debug)]
struct Known {
    verified: Verified,
    origin: Arc<Origin>,
}

impl LastSender {
    /// Whoever sends this to the source of this name.
    pub(super) fn origin(&self, source: &Arc<str>, verified: Verified) -> Arc<Origin> {
        if let Some(last) = &*self.0.load()
            && last.verified == verified
        {
            return Arc::clone(&last.origin);
        }
        let principal = [&*verified.principal, " (", verified.method, ")"].concat();
        let origin = Arc::new(Origin {
            source: Arc::clone(source),
            principal: principal.into(),
            who: who::of(&verified),
            dedupe_window: verified.dedupe_window,
        });
        self.0.store(Some(Arc::new(Known {
            verified,
            origin: Arc::clone(&origin),
        })));
        origin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_sender_is_another_origin() {
        let (last, source) = (LastSender::default(), Arc::from("shop"));
        let origin = |principal, method| {
            let origin = last.origin(&source, Verified::new(principal, method));
            (origin.principal.to_string(), origin.who.to_string())
        };
        for _ in 0..2 {
            for (principal, method, told, who) in [
                ("api-key:a", "api key", "api-key:a (api key)", "api-key:a"),
                ("api-key:a", "api key", "api-key:a (api key)", "api-key:a"),
                ("api-key:b", "api key", "api-key:b (api key)", "api-key:b"),
                ("api-key:b", "basic", "api-key:b (basic)", "api-key:b"),
                ("jwt:b", "jwt", "jwt:b (jwt)", "jwt:b"),
            ] {
                assert_eq!(origin(principal, method), (told.into(), who.into()));
            }
        }
    }
}
