"""The page of a run."""

from fastapi import APIRouter

router = APIRouter()
