//! Where requests become events: bounded first, verified second, parsed third, durable before 2xx.
//!
//! Everything that a stranger can send is bounded before it is looked at: connections, headers, the
//! time they may take, requests under way, and the bytes of all bodies together.

mod answer;
mod body;
mod budget;
mod door;
mod head;
mod limits;
mod problem;
mod router;

pub use answer::{AnswerBody, Reply};
pub(crate) use answer::{DURABILITY, POSITION};
pub use budget::{Budget, Share};
pub use door::{Door, Site, Unmatched};
pub use limits::{Limits, Listener, Stream, accept};
pub use problem::{At, Details, Problem};
pub use router::{Ingress, Publisher};
