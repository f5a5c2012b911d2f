//! What ended a connection, in words that name the mend: the TLS library and the broker name a
//! symptom. Pure.

use jiff::Timestamp;

/// The library's text, and behind it what it means for this box.
pub fn explained(text: &str, now: Timestamp) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let low = text.to_ascii_lowercase();
    let any = |needles: &[&str]| needles.iter().any(|needle| low.contains(needle));
    let today = now.strftime("%Y-%m-%d %H:%M UTC");
    let mend = if any(&["not valid yet", "notvalidyet"]) {
        format!("this box's clock says {today}: set it, if that is wrong")
    } else if any(&["fatal alert: certificateexpired", "fatal alert: certificate_expired"]) {
        format!(
            "the other side calls this box's certificate run out; this box's clock says {today}"
        )
    } else if any(&["certificate expired"]) {
        format!(
            "this box's clock says {today}: set it, if that is wrong; otherwise the other side's \
            certificate ran out"
        )
    } else if any(&["not valid for name", "notvalidforname"]) {
        "the certificate names another host: use a name that stands in it, or have it made for \
        this one"
            .to_owned()
    } else if any(&["unknownissuer", "unknown issuer"]) {
        "another authority signed that certificate: provision this box again, or give its \
        authority's file"
            .to_owned()
    } else if any(&["certificaterevoked", "certificate revoked"]) {
        "this box was revoked: whoever keeps the boxes says whether it is provisioned anew"
            .to_owned()
    } else if any(&["badcertificate", "certificateunknown", "unknownca", "certificaterequired"]) {
        "the broker does not take this box's certificate: was the box revoked, or the broker \
        given another authority?"
            .to_owned()
    } else if any(&["notauthorized", "badusernamepassword", "not authorized"]) {
        "the broker does not know this box: add it to the broker's accounts and access list \
        (broker-config)"
            .to_owned()
    } else if any(&["sessiontakenover", "session taken over"]) {
        "another box connects with this identity: a copied card? Provision one of the two with a \
        token of its own"
            .to_owned()
    } else if any(&["connection refused (os error", "connectionrefused"]) {
        "nobody listens there: is the broker running, and is the port right?".to_owned()
    } else {
        return text;
    };
    format!("{text} ({mend})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symptom_is_told_with_its_cause() {
        let now: Timestamp = "2024-12-28T20:49:30Z".parse().unwrap();
        let said = |text: &str| explained(text, now);
        let early = said(
            "invalid peer certificate: certificate not valid yet: verification time 1735418970 \
            (UNIX)",
        );
        assert!(early.contains("this box's clock says 2024-12-28"), "{early}");
        assert!(said("certificate expired: verification time 1").contains("clock says"));
        assert!(
            said("certificate not valid for name \"127.0.0.1\"").contains("names another host")
        );
        assert!(said("received fatal alert: CertificateRevoked").contains("was revoked"));
        assert!(said("Server disconnected: SessionTakenOver").contains("copied card"));
        assert!(said("Connection refused, return code: `NotAuthorized`").contains("access list"));
        assert_eq!(said("some\n  other fault"), "some other fault");
    }
}
