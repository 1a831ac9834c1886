"""Figures for people: pure, from rows that the store gives."""
