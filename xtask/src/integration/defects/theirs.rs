//! The original: each function tells how it failed.

use std::time::Duration;

use logstash_transport::testing::Step;

use super::super::inbox::Inbox;
use super::super::our_server::start;
use super::{Outcome, PATIENCE, Place, done, hang_up, late_attempts, mended, messages, nobody, release};
use crate::failure::{Failure, Trying, fail};

pub(super) fn order(place: &Place) -> Outcome {
    let receiver = start()?;
    place.close("order", receiver.address(), "")?;
    let messages = messages(&receiver);
    let is_descending = messages[1..].windows(2).all(|pair| pair[0] > pair[1]);
    if messages.len() != 41 || is_descending {
        return Err(mended("events arrive in the order in which they were logged"));
    }
    Ok("it sorts the events of a millisecond".to_owned())
}

pub(super) fn starve(place: &Place) -> Outcome {
    let receiver = start()?;
    let mut process = place.run("starve", receiver.address(), &place.database())?;
    let logged = process.expect_line("logged", PATIENCE)?;
    let received = receiver.received();
    if received as f64 > logged.parse().unwrap_or(0.0) / 2.0 {
        return Err(mended("events are sent while others come"));
    }
    Ok(format!("of {logged} events under a steady load {received} were delivered meanwhile"))
}

pub(super) fn refused(place: &Place) -> Outcome {
    let took = place.close("refused", nobody()?, "")?;
    if took < 1.9 {
        return Err(mended("a refused connection is given up at once"));
    }
    Ok(format!("it waits SOCKET_CLOSE_WAIT_TIMEOUT, here {took:.1} s, for a connection that was refused"))
}

pub(super) fn crash(place: &Place) -> Outcome {
    let receiver = start()?;
    receiver.script([Step::Stall]);
    let killed = place.run("unacknowledged", receiver.address(), &place.database())?;
    if !receiver.wait_for(5, PATIENCE) {
        fail!("it sent {} events of 5", receiver.received());
    }
    drop(killed);
    let receiver = start()?;
    place.close("another", receiver.address(), &place.database())?;
    match receiver.received() {
        1 => Ok("5 events that were not acknowledged were lost when it was killed".to_owned()),
        _ => Err(mended("what was on its way comes again after a crash")),
    }
}

pub(super) fn shared(place: &Place) -> Outcome {
    let (first, second) = (start()?, start()?);
    first.script([Step::Stall]);
    let mut process = place.run("unacknowledged", first.address(), &place.database())?;
    let control = process.expect_line("control", PATIENCE)?;
    if !first.wait_for(5, PATIENCE) {
        fail!("it sent {} events of 5", first.received());
    }
    place.close("another", second.address(), &place.database())?;
    first.drop_connections();
    release(&control)?;
    done(&mut process)?;
    match first.acknowledged() + second.acknowledged() {
        1 => Ok("another process deleted 5 events that were on their way".to_owned()),
        _ => Err(mended("processes that share a store lose nothing")),
    }
}

pub(super) fn directory(place: &Place) -> Outcome {
    let receiver = start()?;
    let database = place.folder.join("later").join("events.db");
    place.close("directory", receiver.address(), &database.to_string_lossy())?;
    match receiver.received() {
        0 => Ok("5 events are left behind by a worker that died".to_owned()),
        _ => Err(mended("a store that comes later is used")),
    }
}

pub(super) fn loss(place: &Place) -> Outcome {
    let mut process = place.run("loss", nobody()?, "")?;
    let told = process.expect_line("told", PATIENCE)?;
    if told.contains("lost") || told.contains("drop") || told.contains("pending") {
        return Err(mended("events that are lost are told"));
    }
    Ok(format!("5 events were lost at shutdown, and all that was told is `{told}`"))
}

pub(super) fn fork(place: &Place) -> Outcome {
    let receiver = start()?;
    place.close("fork", receiver.address(), "")?;
    let second = messages(&receiver).iter().filter(|message| *message == "second").count();
    if second < 2 {
        return Err(mended("a forked process sends its own events only"));
    }
    Ok(format!("an event of the parent was sent {second} times after a fork"))
}

pub(super) fn handlers(place: &Place) -> Outcome {
    let (first, second) = (start()?, start()?);
    place.close("handlers", first.address(), &second.address().port().to_string())?;
    if second.received() > 0 {
        return Err(mended("each handler has a peer of its own"));
    }
    Ok(format!("{} events of two handlers went to the peer of the first", first.received()))
}

pub(super) fn feeding(place: &Place) -> Outcome {
    let receiver = start()?;
    receiver.go_away();
    let mut process = place.run("feeding", receiver.address(), "")?;
    process.expect_line("waiting", PATIENCE)?;
    receiver.come_back().trying("our receiver cannot come back")?;
    if !receiver.wait_for(2, Duration::from_secs(5)) {
        return Err(mended("what it says about itself is no event"));
    }
    Ok(format!("one event became {}", receiver.received()))
}

pub(super) fn complaints(place: &Place) -> Outcome {
    let mut process = place.run("complaints", nobody()?, "")?;
    let said = process.expect_line("said", PATIENCE)?;
    if said.parse().unwrap_or(0) <= 2 {
        return Err(mended("its limit for complaints is kept to"));
    }
    Ok(format!("{said} complaints in a second and a half, 2 a minute are allowed"))
}

pub(super) fn retry(place: &Place) -> Outcome {
    let (address, moments) = hang_up()?;
    let _process = place.run("retry", address, "")?;
    let late = late_attempts(&moments)?;
    if late < 5 {
        return Err(mended("it waits longer after each failure"));
    }
    Ok(format!("{late} attempts in the second second"))
}

pub(super) fn expired(place: &Place) -> Outcome {
    let receiver = start()?;
    place.close("expired", receiver.address(), &place.database())?;
    match receiver.received() {
        61 => Ok("60 events whose time was over were sent".to_owned()),
        _ => Err(mended("events whose time is over are given up")),
    }
}

pub(super) fn poison(place: &Place) -> Outcome {
    let inbox = Inbox::datagrams()?;
    place.close("poison", inbox.address(), "")?;
    let arrived = inbox.so_far()?;
    let is_first = |document: &Vec<u8>| String::from_utf8_lossy(document).contains("before");
    if arrived.len() < 2 || !arrived.iter().all(is_first) {
        return Err(mended("an event that cannot be sent is given up"));
    }
    let times = arrived.len();
    Ok(format!("the event before one that is too large came {times} times, the one behind it not at all"))
}

pub(super) fn partial(place: &Place) -> Outcome {
    let receiver = start()?;
    receiver.script([Step::Acknowledge, Step::DropConnection]);
    let mut process = place.run("partial", receiver.address(), "")?;
    let control = process.expect_line("control", PATIENCE)?;
    if !receiver.wait_for(75, PATIENCE) {
        return Err(mended("what was acknowledged is not sent again"));
    }
    release(&control)?;
    done(&mut process)?;
    Ok(format!("of 50 events {} that were acknowledged came again", receiver.received() - 50))
}

pub(super) fn values(place: &Place) -> Outcome {
    let mut process = place.run("values", nobody()?, "")?;
    let mut document = |name| -> Result<String, Failure> {
        let text = process.expect_line(name, PATIENCE)?;
        serde_json::from_str(&text).map_err(|_| process.fault(&format!("wrote `{text}`")))
    };
    let (time, number) = (document("time")?, document("number")?);
    if time.contains("2024-01-01T18:04:05.678Z") || serde_json::from_str::<serde_json::Value>(&number).is_ok()
    {
        return Err(mended("times are exact and numbers are JSON"));
    }
    Ok("a time of another zone is shifted and loses its fraction, NaN makes a document no JSON".to_owned())
}
