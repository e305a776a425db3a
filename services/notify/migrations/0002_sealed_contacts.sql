-- Name and address are sealed under their customer's key: what a deleted row leaves behind on a disk says nothing to
-- anybody. Contacts that were told before stay in the old columns until their last mail has gone.
ALTER TABLE contacts ALTER COLUMN name DROP NOT NULL;
ALTER TABLE contacts ADD COLUMN sealed text;
ALTER TABLE contacts ADD CHECK (sealed IS NOT NULL OR name IS NOT NULL);
