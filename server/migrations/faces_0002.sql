-- What a list of people asks of each enrolment, without reading everybody's.
CREATE INDEX template_by_enrolment ON template(enrolment);
CREATE INDEX photo_by_enrolment ON photo(enrolment);
CREATE INDEX enrolment_by_state ON enrolment(state, proposed_at);
