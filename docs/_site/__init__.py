"""What the site is made of besides its pages of words: public names, estimators, staging, links."""
