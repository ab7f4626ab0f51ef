//! Where requests become events: bounded first, verified second, parsed third, durable before 2xx.
//!
//! Everything that a stranger can send is bounded before it is looked at: connections, headers, the
//! time they may take, requests under way, and the bytes of all bodies together.

mod activity;
mod answer;
mod body;
mod budget;
mod bundle;
mod connection;
mod door;
mod errands;
mod frames;
mod head;
mod later;
mod limits;
#[cfg(test)]
mod limits_reference;
mod listener;
mod peers;
mod problem;
mod rate;
mod router;
mod sender;
mod socket;
mod start;
mod tls;
mod wire;

pub use answer::{AnswerBody, Reply};
pub(crate) use answer::{DURABILITY, POSITION};
pub(crate) use body::{Cap, announced, read};
pub(crate) use budget::FREE;
pub use budget::{Budget, Share};
pub use door::{Door, Site, Unmatched};
use errands::Errands;
pub(crate) use head::sound;
pub use limits::Limits;
pub(crate) use limits::{Additional, Encrypted};
pub use listener::{Closed, Listener, accept};
pub use problem::{At, Details, Problem};
pub use rate::Rate;
pub(crate) use router::seconds;
pub use router::{Ingress, Publisher};
pub use sender::LastSender;
pub use tls::Tls;
